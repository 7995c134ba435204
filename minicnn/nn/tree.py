"""Tree: the modules, parameters, and buffers below a module, by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..autograd import Parameter, Tensor
from .contents import PLAIN, find

if TYPE_CHECKING:
    from .module import Module

Branch = tuple[str, "Module", list[tuple[str, Tensor]]]
"""A path, the module there, and the parameters and buffers of that module, by path."""

NOT_CONTENTS = frozenset({"_forward_hooks", "_forward_pre_hooks", "_buffer_names"})


class Tree:
    """What of a Module is its place in the tree: what it holds, and what is below it."""

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one or in its lists, by name: "blocks.0"."""
        return iter(self._contents(set(), self)[1])

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one or in its lists, tuples, and dicts."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (named by the prefix) and all below it once, depth first: "block1.conv1"."""
        return _once((path, module) for path, module, _ in self._tree(prefix))

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def named_parameters(self, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, by its path: "conv1.weight"; recurse=False: without those below."""
        values = self._named_values() if recurse else self._contents(set(), self)[0]
        return _once((n, v) for n, v in values if isinstance(v, Parameter))

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter once, as optimizers take them; recurse=False: without those below."""
        return (parameter for _, parameter in self.named_parameters(recurse))

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Every buffer once, by its path: "norm1.running_mean"."""
        return _once((n, v) for n, v in self._named_values() if not isinstance(v, Parameter))

    def buffers(self) -> Iterator[Tensor]:
        """Every buffer once."""
        return (buffer for _, buffer in self.named_buffers())

    def _tree(self, prefix: str = "") -> Iterator[Branch]:
        """Every path to this module and those below; a shared module has several."""
        return self._branches(prefix, set(), self, ())

    def _branches(
        self, path: str, known: set[int], root: Tree, above: tuple[Tree, ...]
    ) -> Iterator[Branch]:
        if any(self is module for module in above):
            raise RuntimeError(f"{type(root).__name__}: {path} is a module that contains itself")
        dot = "." if path else ""
        module: Any = self
        values, children = self._contents(known, root)
        yield path, module, [(f"{path}{dot}{name}", value) for name, value in values]
        for name, child in children:
            yield from child._branches(f"{path}{dot}{name}", known, root, (*above, self))

    def _contents(
        self, known: set[int], root: Tree
    ) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Module]]]:
        """The parameters and buffers, and the children, of this module itself.

        What is in a list is left out if it is an attribute of a module below root, and if it is
        known from another list: a list to loop over does not save its layers twice.
        """
        values: list[tuple[str, Any]] = []
        children: list[tuple[str, Any]] = []
        buffer_names = vars(self).get("_buffer_names", ())
        for name, value in vars(self).items():
            if type(value) in PLAIN or name in NOT_CONTENTS:
                continue
            if isinstance(value, Tensor):
                if isinstance(value, Parameter) or name in buffer_names:
                    values.append((name, value))
                continue
            if isinstance(value, Tree):
                children.append((name, value))
                continue
            for path, found in find(name, value, (Tree, Parameter)):
                known.update(() if known else root._attributes())
                if id(found) not in known:
                    known.add(id(found))
                    (children if isinstance(found, Tree) else values).append((path, found))
        return values, children

    def _attributes(self) -> set[int]:
        """The ids of this module and of what is below it without a list in between."""
        known = {id(self)}
        waiting = [self]
        while waiting:
            for value in vars(waiting.pop()).values():
                if isinstance(value, Tree | Parameter) and id(value) not in known:
                    known.add(id(value))
                    waiting.extend([value] if isinstance(value, Tree) else [])
        return known

    def _named_values(self) -> Iterator[tuple[str, Tensor]]:
        return (named for _, _, values in self._tree() for named in values)


def _once(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Leave out values that have come before under another name (shared weights)."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value

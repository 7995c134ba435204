"""What may not be an attribute of a Module, since it would hide what is learned and saved."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ..autograd import Function, Parameter, Tensor
from ..ops.convert import To
from ..ops.shape import Permute, Reshape
from .contents import LOOKED_INTO, find
from .tree import Tree

CHECKED = (Tree, Tensor, *LOOKED_INTO)
"""The types of values that may be, or hold, something learned."""

SAME_NUMBERS = (To, Reshape, Permute)
MOST_STEPS = 6
"""How far back a result is followed: mc.Parameter(a).to(dtype).reshape(shape) * 0.1 + 1."""


def check_attribute(module: Tree, name: str, before: Any, value: Any) -> None:
    """Raise TypeError or ValueError if setting an attribute would lose something silently.

    before: its value until now. What was found (a Parameter, a Module, a list of them) may be
    replaced by what is found too, by None, or by an empty list.
    """
    where = f"{type(module).__name__}.{name}"
    for item in _items(value):
        _check_block(where, item)
    if not (isinstance(value, CHECKED) or isinstance(before, CHECKED)):
        return
    held = [found for _, found in find(where, value, (Tree, Parameter))]
    for found in held:
        _check_not_above(where, module, found)
    for item in _items(value):
        _check_tensor(where, module, item)
    if held and (not name or "." in name):
        raise ValueError(f"{where}: {name!r} cannot name a layer, expected a name without dots")
    is_empty = value is None or (isinstance(value, list | tuple | dict) and not value)
    if held or is_empty:
        return
    for _, lost in find(where, before, (Tree, Parameter)):
        raise TypeError(f"{where}: got a {type(value).__name__}, {_expected(name, lost)}")


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else (value,)


def _check_not_above(where: str, module: Tree, found: Tree | Parameter) -> None:
    if isinstance(found, Tree) and any(below is module for below in found.modules()):
        raise ValueError(
            f"{where}: {type(found).__name__} contains the module that it is set on; to know it "
            "without containing it, keep a function: self.parent = lambda: parent"
        )


def check_class(cls: type) -> None:
    """Raise TypeError for what is learned and is set on the class, not in ``__init__``."""
    above = [base for base in cls.__mro__[1:] if not issubclass(base, Tree)]  # a mixin
    for base in (cls, *above):
        for name, value in vars(base).items():
            where = f"{cls.__name__}.{name}"
            for item in _items(value):
                _check_block(where, item)
                if _is_learned(item):
                    raise TypeError(
                        f"{where}: a {type(item).__name__} of the class would be neither learned "
                        f"nor saved; set it in __init__: self.{name} = ..."
                    )


def _is_learned(value: Any) -> bool:
    """Whether it is, or holds, something to learn or save."""
    if isinstance(value, Tree):
        return any(True for _ in value._named_values())
    return isinstance(value, Tensor) and value.requires_grad


def _check_block(where: str, block: Any) -> None:
    """Refuse a layer whose class forgot its base."""
    if isinstance(block, Tree) or not hasattr(type(block), "forward"):
        return
    held = [item for value in getattr(block, "__dict__", {}).values() for item in _items(value)]
    if any(isinstance(item, Tree | Parameter) for item in held):
        kind = type(block).__name__
        raise TypeError(
            f"{where}: {kind} has a forward and holds layers, but is not a Module, so they would "
            f"be neither learned nor saved; write class {kind}(nn.Module)"
        )


def _check_tensor(where: str, module: Tree, x: Any) -> None:
    """Refuse what looks learned but is not; a forward may keep such tensors (for a saliency)."""
    if not isinstance(x, Tensor) or isinstance(x, Parameter) or not x.requires_grad:
        return
    if x.function is None and not _is_called():
        raise TypeError(
            f"{where}: got a Tensor that requires a gradient; on a Module it would be neither "
            "learned nor saved, expected mc.Parameter(x.data), or x.detach() for a constant"
        )
    if x.function is not None and _is_of_stray(x.function, module) and not _is_called():
        raise TypeError(
            f"{where}: got a result of a Parameter, which would be neither learned nor saved; "
            "make the Parameter last, mc.Parameter(array.astype(...)), compute the result in "
            "forward, or keep x.detach()"
        )


def _is_of_stray(function: Function, module: Tree) -> bool:
    """Whether it made the same numbers, or almost, of a Parameter that the module does not hold."""
    functions, found = [function], []
    for _ in range(MOST_STEPS):
        made_so = [f for f in functions if f.elementwise or isinstance(f, SAME_NUMBERS)]
        edges = [edge for f in made_so for edge in getattr(f, "edges", ())]  # none once released
        found += [edge for edge in edges if isinstance(edge, Parameter)]
        functions = [edge for edge in edges if isinstance(edge, Function)]
    if not found:  # the usual case, without a walk through the module
        return False
    held = {id(parameter) for parameter in module.parameters()}
    return any(id(parameter) not in held for parameter in found)


def _is_called() -> bool:
    """Whether a module is being called by this thread."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "__call__" and isinstance(frame.f_locals.get("self"), Tree):
            return True
        frame = frame.f_back
    return False


def _expected(name: str, lost: Any) -> str:
    if isinstance(lost, Parameter):
        return (
            "but it is a Parameter, which would no longer be learned or saved; write "
            f"with mc.no_grad(): module.{name} -= ..., module.{name}.data = array, or a new "
            "mc.Parameter(array)"
        )
    return (
        f"but it holds a {type(lost).__name__}, which would no longer be found; expected a Module "
        f"or None, or write del module.{name} first"
    )

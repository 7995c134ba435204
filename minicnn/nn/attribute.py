"""What may not be an attribute of a Module, since it would hide what is learned and saved."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ..autograd import Parameter, Tensor
from .contents import LOOKED_INTO, find
from .tree import Tree

CHECKED = (Tree, Tensor, *LOOKED_INTO)
"""The types of values that may be, or hold, something learned."""


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
    """Raise TypeError for layers and parameters that are set on the class, not in ``__init__``."""
    for name, value in vars(cls).items():
        if isinstance(value, Parameter) or (
            isinstance(value, Tree) and any(True for _ in value._named_values())
        ):
            raise TypeError(
                f"{cls.__name__}.{name}: a {type(value).__name__} of the class would be neither "
                f"learned nor saved; set it in __init__: self.{name} = ..."
            )


def _check_block(where: str, block: Any) -> None:
    """Refuse a layer whose class forgot its base."""
    if isinstance(block, Tree) or not hasattr(type(block), "forward"):
        return
    if any(
        isinstance(value, Tree | Parameter) for value in getattr(block, "__dict__", {}).values()
    ):
        kind = type(block).__name__
        raise TypeError(
            f"{where}: {kind} has a forward and holds layers, but is not a Module, so they would "
            f"be neither learned nor saved; write class {kind}(nn.Module)"
        )


def _check_tensor(where: str, module: Tree, x: Any) -> None:
    """Refuse what looks learned but is not; a forward may keep such tensors (for a saliency)."""
    if not isinstance(x, Tensor) or isinstance(x, Parameter) or not x.requires_grad:
        return
    if (x.function is None or _is_of_stray(x.function, module)) and not _is_called():
        got = "a Tensor that requires a gradient" if x.function is None else "a result"
        raise TypeError(
            f"{where}: got {got}, which is not a Parameter; on a Module it would be neither "
            "learned nor saved, expected mc.Parameter(x.data), or x.detach() for a constant"
        )


def _is_of_stray(function: Any, module: Tree) -> bool:
    """Whether it made the same numbers, or almost, of a Parameter that the module does not hold."""
    if not (function.elementwise or type(function).__name__ == "To"):
        return False
    held = {id(parameter) for parameter in module.parameters()}
    edges = getattr(function, "edges", ())
    return any(isinstance(edge, Parameter) and id(edge) not in held for edge in edges)


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

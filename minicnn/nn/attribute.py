"""What may not be an attribute of a Module, since it would hide what is learned and saved."""

from __future__ import annotations

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
    if not (isinstance(value, CHECKED) or isinstance(before, CHECKED)):
        return
    where = f"{type(module).__name__}.{name}"
    held = [found for _, found in find(where, value, (Tree, Parameter))]
    for found in held:
        _check_not_above(where, module, found)
    for item in _items(value):
        _check_tensor(where, item)
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


def _check_tensor(where: str, x: Any) -> None:
    is_tensor = isinstance(x, Tensor) and not isinstance(x, Parameter)
    if is_tensor and x.requires_grad and x.function is None:
        raise TypeError(
            f"{where}: got a Tensor that requires a gradient; on a Module it would be neither "
            "learned nor saved, expected mc.Parameter(x.data), or x.detach() for a constant"
        )


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

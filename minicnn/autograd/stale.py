"""Stand-ins for values that have changed since forward: they may be passed on, but not read."""

from __future__ import annotations

from typing import Any, NoReturn

from ..backend import Array, is_array
from .function import Function
from .in_place import changes
from .tensor import Parameter, Tensor


class StaleTensor(Tensor):
    """Takes the place of a tensor whose value has changed: reading the value is an error.

    A gradient that does not depend on the value (that of a bias, of the only weight of a product)
    is still right, so only a backward that reads it is stopped.
    """

    __slots__ = ("_reason", "_tensor")

    def __init__(self, tensor: Tensor, reason: str) -> None:
        self._tensor, self._reason = tensor, reason
        self.requires_grad, self.function, self._grad = tensor.requires_grad, tensor.function, None

    def __getattr__(self, name: str) -> NoReturn:
        if name == "_array":  # never set here, so that Python asks this method for it
            raise RuntimeError(self._reason)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    shape = property(lambda self: self._tensor.shape)
    ndim = property(lambda self: self._tensor.ndim)
    size = property(lambda self: self._tensor.size)
    dtype = property(lambda self: self._tensor.dtype)
    device = property(lambda self: self._tensor.device)


def mark_stale(function: Function) -> None:
    """Replace what the Function has kept for backward and what has changed since it ran."""
    kept: dict[str, Any] = vars(function)
    for i, x in enumerate(kept.get("inputs", ())):
        if by := _changed_by(x, function.changes_before):
            stale = StaleTensor(x, _reason(function, _describe_input(function, i), by))
            function.inputs = (*function.inputs[:i], stale, *function.inputs[i + 1 :])
    for values in (kept, function.options):
        for name, value in values.items():
            is_kept = name != "_output_data" and is_array(value)
            if is_kept and (by := changes.since(value, function.changes_before)):
                raise RuntimeError(_reason(function, f"the array {name}", by))
    if "_output_data" in kept:
        data: Array = function._output_data
        if by := changes.since(data, function.changes_before):
            reason = _reason(function, f"its output (shape {data.shape})", by)
            function.stale_output = StaleTensor(function.output, reason)


def _changed_by(x: Tensor, count: int) -> str | None:
    """What has changed a tensor after so many changes; None if nothing has, or if it is known."""
    if type(x) is StaleTensor:
        return None
    number, by = x._replaced
    return by if number > count else changes.since(x._array, count)


def _describe_input(function: Function, i: int) -> str:
    x, code = function.inputs[i], function.forward.__code__
    names = code.co_varnames[1 : code.co_argcount]
    kind = "a Parameter of" if isinstance(x, Parameter) else "of"
    return f"its input {names[i] if i < len(names) else i} ({kind} shape {x.shape})"


def _reason(function: Function, what: str, by: str) -> str:
    return (
        f"backward: {type(function).__name__} needs {what} as it was in forward, but {by} has "
        "changed it since; call backward() before, or compute the result again after it"
    )

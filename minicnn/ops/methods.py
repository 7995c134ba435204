"""The operators and methods of Tensor: one visible table of which op stands behind each."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..autograd import Tensor, backward
from . import arithmetic, convert, join, reduce, select, shape
from .convert import broadcast_operands


def _reflected(op: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The op for ``other - tensor``, where Python calls ``tensor.__rsub__(other)``."""
    return lambda x, other: op(other, x)


def _comparison(compare_arrays: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Any]:
    """Compare element by element: a Tensor of booleans, outside the graph."""

    def compare(x: Tensor, other: Any) -> Any:
        try:
            a, b = broadcast_operands(compare_arrays.__name__, x, other)
        except TypeError:
            if compare_arrays in (operator.eq, operator.ne):
                return NotImplemented  # Python then compares identities: x == None is False
            raise
        return convert.as_tensor(compare_arrays(a.data, b.data))

    return compare


def _of_masks(symbol: str, combine: Callable[..., Any]) -> Callable[..., Tensor]:
    """Combine masks element by element: Tensors of booleans, outside the graph."""

    def combined(x: Tensor, *other: Any) -> Tensor:
        masks = [x, *[convert.as_tensor(mask, like=x) for mask in other]]
        for mask in masks:
            if mask.dtype.kind != "b":
                expected = "expected booleans, such as those of x > 0"
                raise TypeError(f"{symbol}: got {mask.dtype}, {expected}")
        pair = broadcast_operands(symbol, *masks) if other else masks
        return convert.as_tensor(combine(*[mask.data for mask in pair]))

    return combined


BINARY: dict[str, Callable[[Any, Any], Tensor]] = {
    "add": arithmetic.add,
    "sub": arithmetic.sub,
    "mul": arithmetic.mul,
    "truediv": arithmetic.div,
    "pow": arithmetic.pow,
    "matmul": arithmetic.matmul,
}
MASKS: dict[str, Callable[..., Tensor]] = {
    "and": _of_masks("&", operator.and_),
    "or": _of_masks("|", operator.or_),
    "xor": _of_masks("^", operator.xor),
}
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
# fmt: off
NAMED: tuple[Callable[..., Any], ...] = (
    reduce.sum, reduce.mean, reduce.var, reduce.max, reduce.min, reduce.argmax, reduce.argmin,
    arithmetic.exp, arithmetic.log, arithmetic.sqrt, arithmetic.abs, select.clip,
    shape.reshape, shape.flatten, shape.transpose, shape.permute, join.split, backward,
)
# fmt: on

METHODS: dict[str, Callable[..., Any]] = {
    **{f"__{name}__": op for name, op in BINARY.items()},
    **{f"__r{name}__": _reflected(op) for name, op in BINARY.items()},
    **{f"__{prefix}{name}__": op for name, op in MASKS.items() for prefix in ("", "r")},
    "__invert__": _of_masks("~", operator.invert),
    **{f"__{compare.__name__}__": _comparison(compare) for compare in COMPARISONS},
    **{op.__name__: op for op in NAMED},
    "__neg__": arithmetic.neg,
    "__abs__": arithmetic.abs,
    "__getitem__": shape.getitem,
    "to": convert.convert,
}

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)

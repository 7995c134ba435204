"""Comparisons and masks, element by element: Tensors of booleans, outside the graph."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..autograd import Tensor
from ..autograd.on_device import on_device
from .convert import as_tensor, broadcast_operands


def _comparison(compare_arrays: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Any]:
    """The operator of Tensors that compares the elements of arrays."""

    @on_device
    def compare(x: Tensor, other: Any) -> Any:
        try:
            a, b = broadcast_operands(compare_arrays.__name__, x, other)
        except TypeError:
            if compare_arrays in (operator.eq, operator.ne):
                return NotImplemented  # Python then compares identities: x == None is False
            raise
        return as_tensor(compare_arrays(a.data, b.data))

    return compare


def _of_masks(symbol: str, combine: Callable[..., Any]) -> Callable[..., Tensor]:
    """The operator of masks that combines the elements of arrays."""

    @on_device
    def combined(x: Any, *other: Any) -> Tensor:
        if not isinstance(x, Tensor):  # an array, from array & tensor
            x, other = other[0], (x,)
        masks = [x, *[as_tensor(mask, like=x) for mask in other]]
        for mask in masks:
            if mask.dtype.kind != "b":
                expected = "expected booleans, such as those of x > 0"
                raise TypeError(f"{symbol}: got {mask.dtype}, {expected}")
        pair = broadcast_operands(symbol, *masks) if other else masks
        return as_tensor(combine(*[mask.data for mask in pair]))

    return combined


COMPARISONS = {
    compare.__name__: _comparison(compare)
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
}
MASKS: dict[str, Callable[..., Tensor]] = {
    "and": _of_masks("&", operator.and_),
    "or": _of_masks("|", operator.or_),
    "xor": _of_masks("^", operator.xor),
    "invert": _of_masks("~", operator.invert),
}

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


METHODS: dict[str, Callable[..., Any]] = {
    "__add__": arithmetic.add,
    "__radd__": _reflected(arithmetic.add),
    "__sub__": arithmetic.sub,
    "__rsub__": _reflected(arithmetic.sub),
    "__mul__": arithmetic.mul,
    "__rmul__": _reflected(arithmetic.mul),
    "__truediv__": arithmetic.div,
    "__rtruediv__": _reflected(arithmetic.div),
    "__pow__": arithmetic.pow,
    "__rpow__": _reflected(arithmetic.pow),
    "__matmul__": arithmetic.matmul,
    "__rmatmul__": _reflected(arithmetic.matmul),
    "__neg__": arithmetic.neg,
    "__abs__": arithmetic.abs,
    "__getitem__": shape.getitem,
    "__eq__": _comparison(operator.eq),
    "__ne__": _comparison(operator.ne),
    "__lt__": _comparison(operator.lt),
    "__le__": _comparison(operator.le),
    "__gt__": _comparison(operator.gt),
    "__ge__": _comparison(operator.ge),
    "sum": reduce.sum,
    "mean": reduce.mean,
    "var": reduce.var,
    "max": reduce.max,
    "min": reduce.min,
    "argmax": reduce.argmax,
    "argmin": reduce.argmin,
    "exp": arithmetic.exp,
    "log": arithmetic.log,
    "sqrt": arithmetic.sqrt,
    "abs": arithmetic.abs,
    "clip": select.clip,
    "reshape": shape.reshape,
    "flatten": shape.flatten,
    "transpose": shape.transpose,
    "permute": shape.permute,
    "split": join.split,
    "to": convert.to,
    "backward": backward,
}

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)

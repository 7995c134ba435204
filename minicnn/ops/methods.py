"""The operators and methods of Tensor: one visible table of which op stands behind each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Parameter, Tensor, backward, is_grad_enabled, no_grad
from ..autograd.in_place import write_into
from . import arithmetic, convert, join, numpy_calls, reduce, select, shape
from .compare import COMPARISONS, MASKS


def _reflected(op: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The op for ``other - tensor``, where Python calls ``tensor.__rsub__(other)``."""
    return lambda x, other: op(other, x)


def _augmented(symbol: str, op: Callable[[Any, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """``x += other``, which changes x in place, as in NumPy, unless the graph records it.

    Then it is a new tensor, ``x = x + other``; but not for a leaf that requires a gradient, or a
    Parameter: an optimizer and a module hold these, and would not know about a new one.
    """

    def augment(x: Tensor, other: Any) -> Tensor:
        others_grad = isinstance(other, Tensor) and other.requires_grad
        if is_grad_enabled() and (x.requires_grad or others_grad):
            if x.function is not None or not (x.requires_grad or isinstance(x, Parameter)):
                return op(x, other)
            raise RuntimeError(
                f"{symbol}: a {type(x).__name__} of shape {x.shape} can be changed in place only "
                f"inside no_grad(): `with minicnn.no_grad(): x {symbol} ...`; for a result in the "
                f"graph write y = x {symbol[:-1]} ..."
            )
        with no_grad():
            result = op(x, other)
        instead = f"as x is; for a new tensor write x = x {symbol[:-1]} ..."
        if result.shape != x.shape:
            raise ValueError(
                f"{symbol}: the result has shape {result.shape}, expected {x.shape}, {instead}"
            )
        if not np.can_cast(result.dtype, x.dtype, "same_kind"):
            raise TypeError(
                f"{symbol}: the result is {result.dtype}, expected {x.dtype}, {instead}"
            )
        write_into(x, result.data, f"x {symbol} ...")
        return x

    return augment


BINARY: dict[str, Callable[[Any, Any], Tensor]] = {
    "add": arithmetic.add,
    "sub": arithmetic.sub,
    "mul": arithmetic.mul,
    "truediv": arithmetic.div,
    "pow": arithmetic.pow,
    "matmul": arithmetic.matmul,
}
SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "matmul": "@"}
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
    **{f"__{name}__": op for name, op in MASKS.items()},
    **{f"__r{name}__": op for name, op in MASKS.items() if name != "invert"},
    **{f"__i{n}__": _augmented(f"{s}=", MASKS[n]) for n, s in zip(MASKS, "&|^", strict=False)},
    **{f"__i{name}__": _augmented(f"{SYMBOLS[name]}=", op) for name, op in BINARY.items()},
    **{f"__{name}__": compare for name, compare in COMPARISONS.items()},
    "__array_ufunc__": numpy_calls.call_ufunc,
    "__array_function__": numpy_calls.call_function,
    **{op.__name__: op for op in NAMED},
    "__neg__": arithmetic.neg,
    "__abs__": arithmetic.abs,
    "__getitem__": shape.getitem,
    "to": convert.convert,
}

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)

"""The operators and methods of Tensor: one visible table of which op stands behind each."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Parameter, Tensor, backward, is_grad_enabled, no_grad
from ..autograd.in_place import write_into
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

    def combined(x: Any, *other: Any) -> Tensor:
        if not isinstance(x, Tensor):  # an array, from array & tensor
            x, other = other[0], (x,)
        masks = [x, *[convert.as_tensor(mask, like=x) for mask in other]]
        for mask in masks:
            if mask.dtype.kind != "b":
                expected = "expected booleans, such as those of x > 0"
                raise TypeError(f"{symbol}: got {mask.dtype}, {expected}")
        pair = broadcast_operands(symbol, *masks) if other else masks
        return convert.as_tensor(combine(*[mask.data for mask in pair]))

    return combined


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


def _array_ufunc(x: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What NumPy does with a Tensor: ``array + x`` and its like are the ops of the same name.

    Other functions of NumPy, and ``array += x``, take the values as ``_array_function`` does.
    """
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if any(isinstance(array, Tensor) for array in options.get("out", ())):
        raise TypeError(f"numpy.{name}: out is a Tensor, expected an array")
    has_gradient = ufunc not in WITHOUT_GRADIENT
    return getattr(ufunc, method)(*_arrays(name, inputs, has_gradient), **options)


def _array_function(x: Tensor, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's functions take the values, unless a gradient would get lost: RuntimeError."""
    has_gradient = function not in WITHOUT_GRADIENT
    named = {k: _arrays(function.__name__, value, has_gradient) for k, value in kwargs.items()}
    return function(*_arrays(function.__name__, args, has_gradient), **named)


def _arrays(name: str, value: Any, has_gradient: bool) -> Any:
    """The arrays of Tensors, in lists too. RuntimeError if NumPy would lose a gradient."""
    if isinstance(value, tuple | list):
        return (list if isinstance(value, list) else tuple)(
            [_arrays(name, item, has_gradient) for item in value]
        )
    if not isinstance(value, Tensor):
        return value
    if value.requires_grad and has_gradient:
        name_here = OP_NAMES.get(name, name)
        is_ours = callable(getattr(sys.modules[__package__], name_here, None))
        raise RuntimeError(
            f"numpy.{name}: got a tensor that requires a gradient, which the result would not "
            f"have; use {f'minicnn.ops.{name_here}' if is_ours else 'an op of minicnn'}, or "
            "x.detach().numpy() where only the values count"
        )
    return value.data


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
    "invert": _of_masks("~", operator.invert),
}
SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "matmul": "@"}
COMPARISONS = {
    compare.__name__: _comparison(compare)
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
}
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: arithmetic.add,
    np.subtract: arithmetic.sub,
    np.multiply: arithmetic.mul,
    np.divide: arithmetic.div,
    np.power: arithmetic.pow,
    np.matmul: arithmetic.matmul,
    np.equal: COMPARISONS["eq"],
    np.not_equal: COMPARISONS["ne"],
    np.less: COMPARISONS["lt"],
    np.less_equal: COMPARISONS["le"],
    np.greater: COMPARISONS["gt"],
    np.greater_equal: COMPARISONS["ge"],
    np.bitwise_and: MASKS["and"],
    np.bitwise_or: MASKS["or"],
    np.bitwise_xor: MASKS["xor"],
    np.invert: MASKS["invert"],
}
OP_NAMES = {"absolute": "abs", "negative": "neg"}  # where NumPy's name is another
# fmt: off
WITHOUT_GRADIENT: frozenset[Any] = frozenset({
    np.isnan, np.isinf, np.isfinite, np.signbit, np.sign,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.allclose, np.array_equal, np.isclose, np.argmax, np.argmin, np.argsort, np.nonzero,
    np.count_nonzero, np.all, np.any, np.shape, np.ndim, np.size, np.save,
    np.zeros_like, np.ones_like, np.full_like, np.empty_like,
})
"""The functions of NumPy whose results have no gradient to lose."""
# fmt: on
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
    "__array_ufunc__": _array_ufunc,
    "__array_function__": _array_function,
    **{op.__name__: op for op in NAMED},
    "__neg__": arithmetic.neg,
    "__abs__": arithmetic.abs,
    "__getitem__": shape.getitem,
    "to": convert.convert,
}

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)

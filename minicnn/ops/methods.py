"""The operators and methods of Tensor: one visible table of which op stands behind each."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Parameter, Tensor, backward, is_grad_enabled
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
    """``x += other``: a new tensor, as ``x = x + other``, unless x is learned.

    A leaf that requires a gradient and a Parameter keep their identity, since an optimizer and a
    module hold them: they are changed in place, which is possible only inside ``no_grad()``.
    """

    def augment(x: Tensor, other: Any) -> Tensor:
        is_leaf = x.requires_grad and x.function is None
        if not (is_leaf or isinstance(x, Parameter)):
            return op(x, other)
        if is_grad_enabled():
            raise RuntimeError(
                f"{symbol}: a {type(x).__name__} of shape {x.shape} can be changed in place only "
                f"inside no_grad(): `with minicnn.no_grad(): x {symbol} ...`; for a result in the "
                f"graph write y = x {symbol[:-1]} ..."
            )
        result = op(x, other)
        if result.shape != x.shape:
            raise ValueError(
                f"{symbol}: the result has shape {result.shape}, expected {x.shape}, that of x"
            )
        write_into(x, result.data, f"x {symbol} ...")
        return x

    return augment


def _array_ufunc(x: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What NumPy does with a Tensor: ``array + x`` and its like are the ops of the same name.

    ``array += x`` changes the array with the values of x. Other functions of NumPy raise TypeError.
    """
    out = options.get("out", ())
    name = ufunc.__name__
    if method == "__call__" and out and not any(isinstance(array, Tensor) for array in out):
        if any(isinstance(value, Tensor) and value.requires_grad for value in inputs):
            raise TypeError(
                f"numpy.{name}: an array is changed in place with a tensor that requires a "
                "gradient, which would be lost; use x.detach() if only its values count"
            )
        return ufunc(*[v.data if isinstance(v, Tensor) else v for v in inputs], **options)
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    raise TypeError(f"numpy.{name}: got a Tensor; {_advice(name if method == '__call__' else '')}")


def _array_function(x: Tensor, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's other functions take the values, unless a gradient would get lost: RuntimeError."""

    def array(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return (list if isinstance(value, list) else tuple)(map(array, value))
        if not isinstance(value, Tensor):
            return value
        if value.requires_grad and function not in (np.shape, np.ndim, np.size):
            raise RuntimeError(
                f"numpy.{function.__name__}: got a tensor that requires a gradient, which the "
                f"result would not have; {_advice(function.__name__)}"
            )
        return value.data

    return function(*array(args), **{name: array(value) for name, value in kwargs.items()})


def _advice(name: str) -> str:
    """What to write instead of NumPy's function of this name."""
    name = OP_NAMES.get(name, name)
    is_ours = hasattr(sys.modules[__package__], name)
    ours = f"minicnn.ops.{name}" if is_ours else "an op of minicnn"
    return f"use {ours} for a result with a gradient, x.detach().numpy() where only values count"


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

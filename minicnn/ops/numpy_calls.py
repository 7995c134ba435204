"""What NumPy's functions do with Tensors: compute with the values, unless a gradient is lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor
from . import arithmetic
from .compare import COMPARISONS, MASKS

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


def call_ufunc(x: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What NumPy does with a Tensor: ``array + x`` and its like are the ops of the same name.

    Other functions of NumPy, and ``array += x``, take the values as ``call_function`` does.
    """
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if any(isinstance(array, Tensor) for array in options.get("out", ())):
        raise TypeError(f"numpy.{name}: out is a Tensor, expected an array")
    has_gradient = ufunc not in WITHOUT_GRADIENT
    return getattr(ufunc, method)(*_arrays(name, inputs, has_gradient), **options)


def call_function(x: Tensor, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
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
        here = OP_NAMES.get(name, name)
        is_ours = callable(getattr(sys.modules[__package__], here, None))
        raise RuntimeError(
            f"numpy.{name}: got a tensor that requires a gradient, which the result would not "
            f"have; use {f'minicnn.ops.{here}' if is_ours else 'an op of minicnn'}, or "
            "x.detach().numpy() where only the values count"
        )
    return value.data

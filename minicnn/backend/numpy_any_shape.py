"""The kernels for arrays of any shape vectorised, as twins of ``reference_any_shape.py``."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import numpy as np

from .arrays import Array
from .layout import batch_last

__all__ = [
    "erf",
    "gate",
    "log_softmax",
    "mask",
    "pick",
    "put_back",
    "softmax",
    "uniform",
]


def erf(x: Array) -> Array:
    """The error function of any shape: Taylor's series around the nearest node.

    With erf' = 2/sqrt(pi) · e ** -a² and the Hermite polynomials H_n the series is
    erf(a + d) = erf(a) + erf'(a) · sum_n (-1)^n H_n(a) d^(n+1) / (n+1)!. At most half a step from a
    node the terms up to n = 1 leave 3e-11, which is enough for float32, those up to n = 3 leave
    3e-18. From ERF_END on erf is 1 in float64.
    """
    dtype = np.dtype(np.float32 if x.dtype == np.float32 else np.float64)
    size = np.minimum(np.abs(x, dtype=dtype), ERF_END)
    node = np.rint(np.fmin(size, ERF_END) * ERF_STEPS).astype(np.intp)  # a number for NaN too
    values, slopes = _erf_nodes(dtype)
    a = np.divide(node, ERF_STEPS, dtype=dtype)
    d = size - a
    if dtype == np.float32:
        y = d * (1 - d * a)
    else:
        y = d * (1 - d * (a - d * ((2 * a * a - 1) / 3 + d * a * (0.5 - a * a / 3))))
    y *= slopes[node]  # in place, which keeps the memory order of x
    y += values[node]
    return np.asarray(np.copysign(y, x), x.dtype)


ERF_STEPS, ERF_END = 1024, 6


@cache
def _erf_nodes(dtype: Any) -> tuple[Array, Array]:
    """erf and its slope at 0, 1/ERF_STEPS, ..., ERF_END."""
    nodes = np.arange(ERF_END * ERF_STEPS + 1) / ERF_STEPS
    slopes = 2 / math.sqrt(math.pi) * np.exp(-nodes * nodes)
    return np.array([math.erf(a) for a in nodes], dtype), slopes.astype(dtype)


def mask(x: Array, kept: Array) -> Array:
    """x where kept, 0 elsewhere, of any shape; as x * kept, but 0 for infinite x too."""
    # The integer -1 has all bits set and -0 has none. np.where is slower.
    bits = x.view(f"i{x.itemsize}")
    return (bits & -kept.view(np.int8)).view(x.dtype)


def gate(x: Array, y: Array) -> Array:
    """x where y > 0, 0 elsewhere; both of one shape."""
    return mask(x, y > 0)


def softmax(x: Array, axis: int) -> Array:
    """e ** x_i / sum_j e ** x_j along an axis."""
    y = np.exp(x - x.max(axis, keepdims=True))  # at most 1: no overflow
    y /= y.sum(axis, keepdims=True)
    return y


def log_softmax(x: Array, axis: int) -> Array:
    """x_i - log sum_j e ** x_j along an axis."""
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def pick(scores: Array, classes: Array) -> Array:
    """The score of each class: (N, C, ...), (N, ...) -> (N, ...)."""
    return scores[_at(classes)]


def put_back(values: Array, classes: Array, num_classes: int) -> Array:
    """Zeros, with each value at its class: (N, ...), (N, ...) -> (N, C, ...)."""
    n, *rest = values.shape
    zeros = np.zeros(num_classes * values.size, values.dtype)
    scores = batch_last(zeros, (n, num_classes, *rest))
    scores[_at(classes)] = values
    return scores


def _at(classes: Array) -> tuple[Array, ...]:
    """The index of the score of each class."""
    rows, *rest = _places(classes.shape)
    return rows, classes, *rest


@lru_cache(maxsize=64)
def _places(shape: tuple[int, ...]) -> tuple[Array, ...]:
    """The index along each axis, shaped so that they broadcast together."""
    return tuple(np.ogrid[tuple(slice(n) for n in shape)])


def uniform(like: Array, count: int, key: int) -> Array:
    """Random float32 numbers in [0, 1) from Philox4x64-10 with a key of 64 bits: (count,)."""
    return np.random.Generator(np.random.Philox(key=key)).random(count, np.float32)

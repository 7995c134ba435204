"""What is computed element by element, with NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..arrays import Array


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


def sigmoid(x: Array) -> Array:
    y = np.exp(np.minimum(x, 0))  # e ** min(x, 0) / (1 + e ** -|x|): no power is above 1
    y /= 1 + np.exp(-np.abs(x))
    return y


def gelu(x: Array) -> Array:
    return np.maximum(x, -FLAT) * _normal_cdf(x)


def gelu_grad(grad: Array, x: Array) -> Array:
    x = np.clip(x, -FLAT, FLAT)
    y = x * np.exp(-0.5 * (x * x))
    y *= 1 / math.sqrt(2 * math.pi)
    y += _normal_cdf(x)
    y *= grad  # in place, which keeps the memory order of x
    return y


def _normal_cdf(x: Array) -> Array:
    return 0.5 + 0.5 * erf(x * math.sqrt(0.5))


FLAT = 40.0
"""Beyond it gelu's slope is 0 or 1 even in float64; a larger x squared could overflow."""


def join(arrays: Sequence[Array], out: Array) -> None:
    start = 0
    for x in arrays:
        out[start : start + x.size].reshape(x.shape)[...] = x
        start += x.size


def keep(x: Array, mask: Array) -> Array:
    """x where mask, 0 elsewhere, of any shape; as x * mask, but 0 for infinite x too."""
    # The integer -1 has all bits set and -0 has none. np.where is slower.
    bits = x.view(f"i{x.itemsize}")
    return (bits & -mask.view(np.int8)).view(x.dtype)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def relu_grad(x: Array, y: Array) -> Array:
    return keep(x, y != 0)

"""What is computed element by element, as plain loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arrays import Array

FLAT = 40.0
"""Beyond it gelu's slope is 0 or 1 even in float64; a larger x squared could overflow."""


def erf(x: Array) -> Array:
    y = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = math.erf(x[index])
    return y


def sigmoid(x: Array) -> Array:
    y = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = math.exp(min(x[index], 0)) / (1 + math.exp(-abs(x[index])))
    return y


def gelu(x: Array) -> Array:
    y = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = max(x[index], -FLAT) * _normal_cdf(x[index])
    return y


def gelu_grad(grad: Array, x: Array) -> Array:
    result = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        a = min(max(float(x[index]), -FLAT), FLAT) if x[index] == x[index] else math.nan
        density = math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
        result[index] = grad[index] * (_normal_cdf(a) + a * density)
    return result


def _normal_cdf(a: float) -> float:
    return (1 + math.erf(a / math.sqrt(2))) / 2


def join(arrays: Sequence[Array], out: Array) -> None:
    k = 0
    for x in arrays:
        for index in np.ndindex(*x.shape):
            out[k] = x[index]
            k += 1


def keep(x: Array, mask: Array) -> Array:
    y = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        if mask[index]:
            y[index] = x[index]
    return y


def relu(x: Array) -> Array:
    y = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = 0 if x[index] < 0 else x[index]
    return y


def relu_grad(x: Array, y: Array) -> Array:
    result = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        if y[index] != 0:
            result[index] = x[index]
    return result

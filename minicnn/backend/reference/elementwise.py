"""What is computed element by element, as plain loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arrays import Array


def erf(x: Array) -> Array:
    y = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = math.erf(x[index])
    return y


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


def relu_grad(x: Array, y: Array) -> Array:
    result = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        if y[index] != 0:
            result[index] = x[index]
    return result

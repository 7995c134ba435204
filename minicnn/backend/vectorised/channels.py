"""Sums over channels, local response norm, and sums of each channel, with NumPy."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array


def sum_over_neighbour_channels(x: Array, before: int, after: int) -> Array:
    y = x.copy()
    for distance in range(1, before + 1):
        y[distance:] += x[:-distance]
    for distance in range(1, after + 1):
        y[:-distance] += x[distance:]
    return y


def sum_per_channel(x: Array) -> Array:
    """The sum of each channel: (C, H, W, N) -> (C,); BLAS adds faster than ``sum``."""
    pixels = x.reshape(x.shape[0], math.prod(x.shape[1:]))
    return pixels @ np.ones(pixels.shape[1], x.dtype)


def response_norm(x: Array, before: int, after: int, alpha: float, beta: float, k: float) -> Array:
    power = _base(x, before, after, alpha, k)
    power **= beta
    return np.divide(x, power, out=power)


def response_norm_grad(
    grad: Array, x: Array, before: int, after: int, alpha: float, beta: float, k: float
) -> Array:
    base = _base(x, before, after, alpha, k)
    result = base**-beta
    result *= grad  # grad / base ** beta
    products = result * x
    products /= base  # grad · x / base ** (beta + 1)
    sums = sum_over_neighbour_channels(products, after, before)
    sums *= x
    sums *= 2 * alpha * beta
    result -= sums
    return result


def _base(x: Array, before: int, after: int, alpha: float, k: float) -> Array:
    """k + alpha · (sum of the neighbours' squares), as a new array."""
    base = sum_over_neighbour_channels(x * x, before, after)
    base *= alpha
    base += k
    return base

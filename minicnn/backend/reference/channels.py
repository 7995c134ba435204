"""Sums over channels, local response norm, and sums of each channel, as plain loops."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def sum_over_neighbour_channels(x: Array, before: int, after: int) -> Array:
    channels = x.shape[0]
    y = np.zeros_like(x)
    for c in range(channels):
        for neighbour in range(max(0, c - before), min(channels, c + after + 1)):
            for index in np.ndindex(*x.shape[1:]):
                y[c][index] += x[neighbour][index]
    return y


def sum_per_channel(x: Array) -> Array:
    totals = np.zeros(x.shape[0], x.dtype)
    for c, *index in np.ndindex(*x.shape):
        totals[c] += x[c][tuple(index)]
    return totals


def response_norm(x: Array, before: int, after: int, alpha: float, beta: float, k: float) -> Array:
    y, base = np.zeros_like(x), _base(x, before, after, alpha, k)
    for index in np.ndindex(*x.shape):
        y[index] = x[index] / base[index] ** beta
    return y


def response_norm_grad(
    grad: Array, x: Array, before: int, after: int, alpha: float, beta: float, k: float
) -> Array:
    result, base = np.zeros(x.shape), _base(x, before, after, alpha, k)
    channels = x.shape[0]
    for c, *place in np.ndindex(*x.shape):
        i = (c, *place)
        result[i] += grad[i] / base[i] ** beta
        from_base = -beta * float(grad[i]) * float(x[i]) / base[i] ** (beta + 1)
        for neighbour in range(max(0, c - before), min(channels, c + after + 1)):
            j = (neighbour, *place)
            result[j] += from_base * 2 * alpha * x[j]
    return result.astype(x.dtype)


def _base(x: Array, before: int, after: int, alpha: float, k: float) -> Array:
    """k + alpha · (sum of the neighbours' squares), in float64."""
    squares = x.astype(np.float64) ** 2
    return k + alpha * sum_over_neighbour_channels(squares, before, after)

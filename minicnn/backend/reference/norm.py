"""Standardisation of lines (batch norm, layer norm) as plain loops, in float64."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array


def line_statistics(x: Array, eps: float) -> Array:
    before, length, after = x.shape
    statistics = np.zeros((3, before, after))
    for b, a in np.ndindex(before, after):
        line = [float(v) for v in x[b, :, a]]
        mean = math.fsum(line) / length
        var = math.fsum((v - mean) ** 2 for v in line) / length
        statistics[:, b, a] = mean, var, 1 / math.sqrt(var + eps)
    return statistics


def known_statistics(mean: Array, var: Array, eps: float) -> Array:
    statistics = np.zeros((3, mean.size, 1))
    for c, value in enumerate(map(float, var)):
        statistics[:, c, 0] = mean[c], value, 1 / math.sqrt(value + eps)
    return statistics


def update_running(
    mean: Array,
    var: Array,
    batches: Array,
    statistics: Array,
    momentum: float | None,
    correction: float,
) -> None:
    batches[...] = batches + 1
    rate = 1 / int(batches) if momentum is None else momentum
    for c in range(mean.size):
        batch_mean, batch_var, _ = statistics[:, c, 0]
        mean[c] = (1 - rate) * mean[c] + rate * batch_mean
        var[c] = (1 - rate) * var[c] + rate * batch_var * correction


def standardise(x: Array, statistics: Array, weight: Array | None, bias: Array | None) -> Array:
    y = np.zeros_like(x)
    weight, bias = _everywhere(x, weight, 1), _everywhere(x, bias, 0)
    for i in np.ndindex(*x.shape):
        y[i] = _standardised(x, statistics, i) * weight[i] + bias[i]
    return y


def line_sums(grad: Array, x: Array, statistics: Array, weight: Array | None) -> Array:
    before, length, after = x.shape
    sums, weight = np.zeros((2, before, after)), _everywhere(x, weight, 1)
    for b, i, a in np.ndindex(before, length, after):
        g = grad[b, i, a] * weight[b, i, a]
        sums[:, b, a] += g, g * _standardised(x, statistics, (b, i, a))
    return sums.astype(x.dtype)


def sums_across_lines(grad: Array, x: Array, statistics: Array) -> Array:
    sums = np.zeros((2, x.shape[1]))
    for b, i, a in np.ndindex(*x.shape):
        g = grad[b, i, a]
        sums[:, i] += g, g * _standardised(x, statistics, (b, i, a))
    return sums.astype(x.dtype)


def standardise_grad(
    grad: Array, x: Array, statistics: Array, weight: Array | None, sums: Array
) -> Array:
    before, length, after = x.shape
    result, weight = np.zeros_like(x), _everywhere(x, weight, 1)
    for b, i, a in np.ndindex(before, length, after):
        scale, x_hat = statistics[2, b, a], _standardised(x, statistics, (b, i, a))
        total, product = (float(s) for s in sums[:, b, a])
        g = float(grad[b, i, a]) * float(weight[b, i, a])
        result[b, i, a] = scale * (g - total / length - x_hat * product / length)
    return result


def _standardised(x: Array, statistics: Array, place: tuple[int, ...]) -> float:
    """x_hat at a place, in float64."""
    b, _, a = place
    mean, _, scale = statistics[:, b, a]
    return float((x[place] - mean) * scale)


def _everywhere(x: Array, values: Array | None, default: float) -> Array:
    """A weight or a bias, or what stands for None, as float64 with the shape of x."""
    return np.broadcast_to(np.float64(default if values is None else values), x.shape)

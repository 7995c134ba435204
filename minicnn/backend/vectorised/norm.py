"""Standardisation of lines (batch norm, layer norm) with NumPy."""

from __future__ import annotations

import numpy as np

from ..arrays import Array

LEAST_SCALE = 2.0**-40
"""With a smaller one the numbers of a line lie 1e12 apart and more, and are taken in float64.

Far beyond that squares, and then differences, are infinite in float32, and the scale is nearly 0.
"""


def line_statistics(x: Array, eps: float) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # told below, if float64 has them too
        statistics = _line_statistics(x, eps)
    if (statistics[2] < LEAST_SCALE).any():
        return _line_statistics(x.astype(np.float64), eps)
    return statistics


def _line_statistics(x: Array, eps: float) -> Array:
    """The mean is summed in float64, since a sum of many float32 numbers far from 0 is too coarse.

    The squares are small, and float32 is enough for them.
    """
    mean = x.mean(1, dtype=np.float64)  # (B, A)
    centre = mean.astype(x.dtype)
    deviation = x - centre[:, None]  # (B, L, A)
    deviation *= deviation
    # centre is not quite the mean: that makes the squares larger, by the square of the difference.
    var = np.maximum(_sum_lines(deviation) / np.float64(x.shape[1]) - (mean - centre) ** 2, 0)
    statistics = np.empty((3, *mean.shape))  # np.stack takes longer
    statistics[0], statistics[1], statistics[2] = mean, var, 1 / np.sqrt(var + eps)
    return statistics


def known_statistics(mean: Array, var: Array, eps: float) -> Array:
    statistics = np.stack([mean, var, var]).astype(np.float64)  # (3, C)
    statistics[2] = 1 / np.sqrt(statistics[1] + eps)
    return statistics[:, :, None]


def update_running(
    mean: Array,
    var: Array,
    batches: Array,
    statistics: Array,
    momentum: float | None,
    correction: float,
) -> None:
    batches += 1
    rate = 1 / int(batches) if momentum is None else momentum
    batch_mean, batch_var, _ = statistics[:, :, 0]
    mean[...] = (1 - rate) * mean + rate * batch_mean
    var[...] = (1 - rate) * var + rate * correction * batch_var


def standardise(x: Array, statistics: Array, weight: Array | None, bias: Array | None) -> Array:
    y = _deviation(x, statistics)
    scale = statistics[2].astype(y.dtype)[:, None]  # (B, 1, A)
    if weight is not None and weight.shape[1] == 1:
        scale, weight = scale * weight, None  # together, in one pass over y
    y *= scale
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y.astype(x.dtype, copy=False)


def line_sums(grad: Array, x: Array, statistics: Array, weight: Array | None) -> Array:
    products = _deviation(x, statistics)
    products *= grad
    sums = np.empty((2, *statistics.shape[1:]), x.dtype)
    sums[0], sums[1] = _sum_lines(grad, weight), _sum_lines(products, weight) * statistics[2]
    return sums


def sums_across_lines(grad: Array, x: Array, statistics: Array) -> Array:
    products = _deviation(x, statistics)
    products *= grad
    scale = statistics[2].astype(products.dtype)  # (B, A)
    sums = np.empty((2, x.shape[1]), x.dtype)
    sums[0] = _sum_across_lines(grad, np.ones_like(scale, grad.dtype))
    sums[1] = _sum_across_lines(products, scale)
    return sums


def standardise_grad(
    grad: Array, x: Array, statistics: Array, weight: Array | None, sums: Array
) -> Array:
    """scale · g - deviation · (scale² · sums[1] / L) - scale · sums[0] / L."""
    deviation = _deviation(x, statistics)
    scale = statistics[2].astype(deviation.dtype)[:, None]  # (B, 1, A)
    total, product = scale * sums[:, :, None] / x.shape[1]  # (B, 1, A) each
    deviation *= product * scale
    if weight is not None and weight.shape[1] == 1:
        scale, weight = scale * weight, None
    result = grad * scale
    if weight is not None:
        result *= weight
    result -= deviation
    result -= total
    return result.astype(x.dtype, copy=False)


def _deviation(x: Array, statistics: Array) -> Array:
    """x - mean as a new array, in the dtype of x or, where the scale is very small, in float64.

    Far from 0 the dtype of x rounds the mean too coarsely; then the rest of it is subtracted, too.
    """
    mean, _, scale = statistics[:, :, None]  # (B, 1, A) each
    centre = mean.astype(x.dtype)
    rest = mean - centre
    is_coarse, is_small = np.abs(rest) * scale > np.finfo(x.dtype).eps, scale < LEAST_SCALE
    if not (is_coarse | is_small).any():
        return x - centre
    if is_small.any():
        return x - mean
    deviation = x - centre
    deviation -= rest.astype(x.dtype)
    return deviation


def _sum_lines(x: Array, weight: Array | None = None) -> Array:
    """The sums of x · weight along the lines: (B, L, A) -> (B, A).

    As products of matrices: BLAS adds faster and closer than ``sum``.
    """
    before, length, after = x.shape
    factors = np.ones((1, length, 1), x.dtype) if weight is None else weight
    if factors.shape[1] != length:  # one for each b
        return _sum_lines(x) * factors[:, 0]
    if after == 1:
        return x[:, :, 0] @ factors[0]  # (B, L) @ (L, 1)
    return (np.ones((before, 1, 1), x.dtype) * factors.transpose(0, 2, 1) @ x)[:, 0]


def _sum_across_lines(x: Array, factors: Array) -> Array:
    """The sums of x · factors over b and a: x (B, L, A), factors (B, A) -> (L,)."""
    if x.shape[2] == 1:
        return (factors.T @ x[:, :, 0])[0]  # (1, B) @ (B, L)
    return (x @ factors[:, :, None]).sum(0)[:, 0]  # (B, L, A) @ (B, A, 1)

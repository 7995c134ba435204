"""Standardisation of lines (batch norm, layer norm) with NumPy."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def line_statistics(x: Array, eps: float) -> Array:
    """The mean is summed in float64, since a sum of many float32 numbers far from 0 is too coarse.

    The squares are small, and float32 is enough for them.
    """
    mean = x.mean(1, dtype=np.float64)  # (B, A)
    centre = mean.astype(x.dtype)
    deviation = x - centre[:, None]  # (B, L, A)
    deviation *= deviation
    # centre is not quite the mean: that makes the squares larger, by the square of the difference.
    var = np.maximum(_sum_lines(deviation) / np.float64(x.shape[1]) - (mean - centre) ** 2, 0)
    return np.stack([mean, var, (var + eps) ** -0.5])


def known_statistics(mean: Array, var: Array, eps: float) -> Array:
    statistics = np.stack([mean, var, var]).astype(np.float64)  # (3, C)
    statistics[2] = (statistics[1] + eps) ** -0.5
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
    scale = statistics[2].astype(x.dtype)[:, None]  # (B, 1, A)
    if weight is not None and weight.shape[1] == 1:
        scale, weight = scale * weight, None  # together, in one pass over y
    y *= scale
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y


def line_sums(grad: Array, x: Array, statistics: Array, weight: Array | None) -> Array:
    products = _deviation(x, statistics)
    if weight is not None:
        grad = grad * weight
    products *= grad
    sums = [_sum_lines(grad), _sum_lines(products) * statistics[2]]
    return np.stack(sums).astype(x.dtype, copy=False)


def sums_across_lines(grad: Array, x: Array, statistics: Array) -> Array:
    products = _deviation(x, statistics)
    products *= statistics[2].astype(x.dtype)[:, None]
    products *= grad
    return np.stack([grad.sum((0, 2)), products.sum((0, 2))])


def standardise_grad(
    grad: Array, x: Array, statistics: Array, weight: Array | None, sums: Array
) -> Array:
    """scale · g - x's deviation · scale² · sums[1] / L - scale · sums[0] / L."""
    scale, length = statistics[2][:, None], x.shape[1]
    total, product = sums[:, :, None] / np.float64(length)  # (B, 1, A) each
    from_deviation, constant, scale = (
        numbers.astype(x.dtype) for numbers in (product * scale * scale, total * scale, scale)
    )
    if weight is not None and weight.shape[1] == 1:
        scale, weight = scale * weight, None
    result = grad * scale
    if weight is not None:
        result *= weight
    deviation = _deviation(x, statistics)
    deviation *= from_deviation
    result -= deviation
    result -= constant
    return result


def _deviation(x: Array, statistics: Array) -> Array:
    """x - mean in the dtype of x, as a new array.

    Far from 0 this dtype rounds the mean too coarsely; then the rest of it is subtracted, too.
    """
    mean, _, scale = statistics[:, :, None]  # (B, 1, A) each
    centre = mean.astype(x.dtype)
    rest = mean - centre
    deviation = x - centre
    if (np.abs(rest) * scale).max(initial=0) > np.finfo(x.dtype).eps:
        deviation -= rest.astype(x.dtype)
    return deviation


def _sum_lines(x: Array) -> Array:
    """The sums along the lines: (B, L, A) -> (B, A); BLAS adds faster and closer than ``sum``."""
    before, length, after = x.shape
    if after == 1:
        return x[:, :, 0] @ np.ones((length, 1), x.dtype)  # (B, 1)
    return (np.ones((before, 1, length), x.dtype) @ x)[:, 0]  # (B, A)

"""Standardisation of lines (batch norm, layer norm) with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array


def line_statistics(x: Array, eps: float) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # told below, if float64 has them too
        statistics = _line_statistics(x, eps)
    (wide,) = _wide_enough(statistics, x)
    return statistics if wide is x else _line_statistics(wide, eps)


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
    return np.stack([mean, var, 1 / np.sqrt(var + eps)])


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
    dtype, (x, weight, bias) = x.dtype, _wide_enough(statistics, x, weight, bias)
    y = _deviation(x, statistics)
    scale = statistics[2].astype(x.dtype)[:, None]  # (B, 1, A)
    if weight is not None and weight.shape[1] == 1:
        scale, weight = scale * weight, None  # together, in one pass over y
    y *= scale
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y.astype(dtype, copy=False)


def line_sums(grad: Array, x: Array, statistics: Array, weight: Array | None) -> Array:
    dtype, (grad, x, weight) = x.dtype, _wide_enough(statistics, grad, x, weight)
    products = _deviation(x, statistics)
    products *= grad
    sums = np.stack([_sum_lines(grad, weight), _sum_lines(products, weight) * statistics[2]])
    return sums.astype(dtype, copy=False)


def sums_across_lines(grad: Array, x: Array, statistics: Array) -> Array:
    dtype, (grad, x) = x.dtype, _wide_enough(statistics, grad, x)
    products = _deviation(x, statistics)
    products *= grad
    scale = statistics[2].astype(x.dtype)  # (B, A)
    pairs = ((grad, np.ones_like(scale)), (products, scale))
    sums = np.stack([_sum_across_lines(*pair) for pair in pairs])
    return sums.astype(dtype, copy=False)


def standardise_grad(
    grad: Array, x: Array, statistics: Array, weight: Array | None, sums: Array
) -> Array:
    """scale · g - deviation · (scale² · sums[1] / L) - scale · sums[0] / L."""
    dtype, (grad, x, weight, sums) = x.dtype, _wide_enough(statistics, grad, x, weight, sums)
    scale = statistics[2].astype(x.dtype)[:, None]  # (B, 1, A)
    total, product = scale * sums[:, :, None] / x.shape[1]  # (B, 1, A) each
    from_deviation = product * scale
    if weight is not None and weight.shape[1] == 1:
        scale, weight = scale * weight, None
    result = grad * scale
    if weight is not None:
        result *= weight
    deviation = _deviation(x, statistics)
    deviation *= from_deviation
    result -= deviation
    result -= total
    return result.astype(dtype, copy=False)


LEAST_SCALE = 2.0**-40


def _wide_enough(statistics: Array, *arrays: Any) -> tuple[Any, ...]:
    """The arrays; in float64 if the numbers of a line, or of its statistics, lie 1e12 apart or more.

    Far beyond that, squares and then differences are infinite in float32, and the scale is 0.
    """
    if statistics[2].min(initial=1) > LEAST_SCALE:
        return arrays
    return tuple([None if array is None else array.astype(np.float64) for array in arrays])


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

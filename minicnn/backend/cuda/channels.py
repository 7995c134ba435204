"""Sums over channels, local response norm, and sums of each channel, in CUDA C."""

from __future__ import annotations

import math

from ..arrays import Array
from .arguments import contiguous, new
from .launch import launch, launch_warps

PIECE, MOST_PIECES = 1 << 12, 256
"""Numbers that one warp adds up; more than that where there are many pieces."""


def sum_over_neighbour_channels(x: Array, before: int, after: int) -> Array:
    y = new(x, x.shape)
    arrays = (contiguous(x), y, before, after)
    launch("channels.cu", "sum_over_neighbour_channels", y.size, *arrays, *_sizes(x))
    return y


def sum_per_channel(x: Array) -> Array:
    channels, length = x.shape[0], math.prod(x.shape[1:])
    while True:
        pieces = max(1, min(-(-length // PIECE), MOST_PIECES))
        totals = new(x, (channels, pieces))
        launch_warps(
            "channels.cu", "sum_per_channel", totals.size, contiguous(x), totals, channels, length,
            pieces, work=x.size // 2,
        )  # fmt: skip
        if pieces == 1:
            return totals.reshape(channels)
        x, length = totals, pieces


def response_norm(x: Array, before: int, after: int, alpha: float, beta: float, k: float) -> Array:
    y, numbers = new(x, x.shape), map(x.dtype.type, (alpha, beta, k))
    arguments = (contiguous(x), y, *numbers, before, after, *_sizes(x))
    launch("channels.cu", "response_norm", y.size, *arguments)
    return y


def response_norm_grad(
    grad: Array, x: Array, before: int, after: int, alpha: float, beta: float, k: float
) -> Array:
    scales, products, result = (new(x, x.shape) for _ in range(3))
    given, numbers = (contiguous(grad), contiguous(x)), map(x.dtype.type, (alpha, beta, k))
    arguments = (*given, scales, products, *numbers, before, after, *_sizes(x))
    launch("channels.cu", "response_norm_products", x.size, *arguments)
    factor = x.dtype.type(2 * alpha * beta)
    arguments = (*given, scales, products, result, factor, before, after, *_sizes(x))
    launch("channels.cu", "response_norm_grad", x.size, *arguments)
    return result


def _sizes(x: Array) -> tuple[int, int, int]:
    """The number of channels, of rows in each, and of numbers in a row."""
    channels, height, width, batch = x.shape
    return channels, height, width * batch

"""Pooling in CUDA C, see ``pooling.cu``."""

from __future__ import annotations

import numpy as np

from ...checks import Pair
from ..arrays import Array, device_of
from ..geometry import Window
from .arguments import contiguous, divisor_array, integers, new
from .launch import launch
from .runs import above_arguments


def max_pool(x: Array, window: Window) -> Array:
    return _extreme("max_pool", x, window, -np.inf)


def min_pool(x: Array, window: Window) -> Array:
    return _extreme("min_pool", x, window, np.inf)


def _extreme(kernel: str, x: Array, window: Window, worst: float) -> Array:
    channels, _, _, batch = x.shape
    y = new(x, (channels, *window.output_size, batch))
    launch(
        "pooling.cu", kernel, y.size, contiguous(x), y, window, x.dtype.type(worst), channels, batch
    )
    return y


def winner_scatter(values: Array, x: Array, y: Array, window: Window) -> Array:
    return _winners("winner_scatter", x.shape, values, x, y, window)


def winner_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
    return _winners("winner_gather", y.shape, values, x, y, window)


def _winners(
    kernel: str, shape: tuple[int, ...], values: Array, x: Array, y: Array, window: Window
) -> Array:
    result = new(values, shape)
    channels, batch = x.shape[0], x.shape[-1]
    arrays = [contiguous(a) for a in (values, x, y)]
    above = above_arguments(x, window) if kernel == "winner_scatter" else (window,)
    types = (values.dtype, x.dtype)
    launch("pooling.cu", kernel, result.size, *arrays, result, *above, channels, batch, types=types)
    return result


def unpool(values: Array, positions: Array, size: Pair) -> Array:
    channels, height, width, batch = values.shape
    x, places, pixels = new(values, (channels, *size, batch)), height * width, size[0] * size[1]
    maps = channels * batch
    sizes = (channels, places, pixels, batch)
    launch("pooling.cu", "unpool", maps, contiguous(values), integers(positions), x, *sizes)
    return x


def unpool_adjoint(x: Array, positions: Array) -> Array:
    channels, height, width, batch = positions.shape
    values = new(x, positions.shape)
    sizes = (channels, height * width, x.shape[1] * x.shape[2], batch)
    launch(
        "pooling.cu",
        "unpool_adjoint",
        values.size,
        contiguous(x),
        integers(positions),
        values,
        *sizes,
    )
    return values


def avg_pool(x: Array, window: Window, divisor: Array) -> Array:
    channels, _, _, batch = x.shape
    y = new(x, (channels, *window.output_size, batch))
    divisor = divisor_array(divisor.astype(x.dtype).tobytes(), x.dtype, device_of(x))
    launch("pooling.cu", "avg_pool", y.size, contiguous(x), divisor, y, window, channels, batch)
    return y


def avg_pool_adjoint(y: Array, window: Window, divisor: Array) -> Array:
    channels, _, _, batch = y.shape
    x = new(y, (channels, *window.input_size, batch))
    divisor = divisor_array(divisor.astype(y.dtype).tobytes(), y.dtype, device_of(y))
    above = above_arguments(y, window)
    arguments = (contiguous(y), divisor, x, *above, channels, batch)
    launch("pooling.cu", "avg_pool_adjoint", x.size, *arguments)
    return x

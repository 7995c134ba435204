"""The kernels in CUDA C: the same names, parameters and results as ``reference_kernels.py``.

What each computes, and which thread computes what, is written in its source under ``cuda/``; here
the result is allocated and the kernel is started, on a GPU or on the emulator (``launch.py``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arrays import Array, device_of
from .cuda_any_shape import erf, gate, log_softmax, mask, pick, put_back, softmax, uniform
from .cuda_memory import contiguous, divisor_array, index_array, integers, new
from .cuda_sources import THREADS
from .cuda_updates import UPDATED_AT_ONCE, adadelta, adagrad, adam, rmsprop, sgd
from .geometry import Pair, Window
from .launch import launch
from .sources import Sources, copies

__all__ = [
    "COLUMN_BYTES",
    "COLUMN_LENGTH",
    "PRODUCT_LENGTH",
    "UPDATED_AT_ONCE",
    "adadelta",
    "adagrad",
    "adam",
    "avg_pool",
    "avg_pool_adjoint",
    "channel_sum",
    "channel_totals",
    "col2im",
    "erf",
    "gate",
    "im2col",
    "log_softmax",
    "mask",
    "max_pool",
    "min_pool",
    "pad",
    "pad_adjoint",
    "pick",
    "put_back",
    "rmsprop",
    "sgd",
    "softmax",
    "uniform",
    "unpool",
    "unpool_adjoint",
    "winner_gather",
    "winner_scatter",
]

COLUMN_BYTES, COLUMN_LENGTH = 1 << 30, 1
"""Bytes of columns made at a time: on a GPU fewer and larger kernels are faster."""

PRODUCT_LENGTH = 1 << 62
"""Thin matrix products stay whole; cuBLAS cuts them itself."""

PIECE, MOST_PIECES = 1 << 14, 256
"""Numbers that one block of threads adds up; more than that where there are many pieces."""


def im2col(x: Array, window: Window) -> Array:
    """Lay the pixels under every window in a column: (C, H, W, N) -> (C, KH, KW, OH, OW, N)."""
    channels, _, _, batch = x.shape
    columns = new(x, (channels, *window.kernel_size, *window.output_size, batch))
    _launch("columns.cu", "im2col", columns.size, x, columns, window, channels, batch)
    return columns


def col2im(columns: Array, window: Window) -> Array:
    """Add every column back onto its pixels: (C, KH, KW, OH, OW, N) -> (C, H, W, N)."""
    channels, batch = columns.shape[0], columns.shape[-1]
    x = new(columns, (channels, *window.input_size, batch))
    _launch("columns.cu", "col2im", x.size, columns, x, window, channels, batch)
    return x


def max_pool(x: Array, window: Window) -> Array:
    """The largest pixel under every window: (C, H, W, N) -> (C, OH, OW, N)."""
    return _extreme("max_pool", x, window, -np.inf)


def min_pool(x: Array, window: Window) -> Array:
    """The smallest pixel under every window: (C, H, W, N) -> (C, OH, OW, N)."""
    return _extreme("min_pool", x, window, np.inf)


def _extreme(kernel: str, x: Array, window: Window, worst: float) -> Array:
    channels, _, _, batch = x.shape
    y = new(x, (channels, *window.output_size, batch))
    _launch("max_pool.cu", kernel, y.size, x, y, window, x.dtype.type(worst), channels, batch)
    return y


def winner_scatter(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Put each window's value back onto its winner: (C, OH, OW, N) -> (C, H, W, N)."""
    return _winners("winner_scatter", x.shape, values, x, y, window)


def winner_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Pick the pixels that won in x: (C, H, W, N) -> (C, OH, OW, N)."""
    return _winners("winner_gather", y.shape, values, x, y, window)


def _winners(
    kernel: str, shape: tuple[int, ...], values: Array, x: Array, y: Array, window: Window
) -> Array:
    result = new(values, shape)
    channels, batch = x.shape[0], x.shape[-1]
    arrays = [contiguous(a) for a in (values, x, y)]
    types = (values.dtype, x.dtype)
    arguments = (*arrays, result, window, channels, batch)
    launch("max_pool.cu", kernel, types, result.size, *arguments)
    return result


def unpool(values: Array, positions: Array, size: Pair) -> Array:
    """Write each value to its position in a map of zeros: (C, OH, OW, N) -> (C, H, W, N)."""
    channels, height, width, batch = values.shape
    x, places, pixels = new(values, (channels, *size, batch)), height * width, size[0] * size[1]
    maps = channels * batch
    sizes = (channels, places, pixels, batch)
    _launch("unpool.cu", "unpool", maps, values, integers(positions), x, *sizes)
    return x


def unpool_adjoint(x: Array, positions: Array) -> Array:
    """Pick from each map the pixels at the positions: (C, H, W, N) -> (C, OH, OW, N)."""
    channels, height, width, batch = positions.shape
    values = new(x, positions.shape)
    sizes = (channels, height * width, x.shape[1] * x.shape[2], batch)
    _launch("unpool.cu", "unpool_adjoint", values.size, x, integers(positions), values, *sizes)
    return values


def avg_pool(x: Array, window: Window, divisor: Array) -> Array:
    """The sum under every window by its divisor (OH, OW): (C, H, W, N) -> (C, OH, OW, N)."""
    channels, _, _, batch = x.shape
    y = new(x, (channels, *window.output_size, batch))
    divisor = divisor_array(divisor.astype(x.dtype).tobytes(), x.dtype, device_of(x))
    _launch("avg_pool.cu", "avg_pool", y.size, x, divisor, y, window, channels, batch)
    return y


def avg_pool_adjoint(y: Array, window: Window, divisor: Array) -> Array:
    """Give every pixel its share of each window: (C, OH, OW, N) -> (C, H, W, N)."""
    channels, _, _, batch = y.shape
    x = new(y, (channels, *window.input_size, batch))
    divisor = divisor_array(divisor.astype(y.dtype).tobytes(), y.dtype, device_of(y))
    _launch("avg_pool.cu", "avg_pool_adjoint", x.size, y, divisor, x, window, channels, batch)
    return x


def channel_sum(x: Array, before: int, after: int) -> Array:
    """Add to each channel those up to before in front and after behind: (C, H, W, N) -> same."""
    y, channels = new(x, x.shape), x.shape[0]
    pixels = x.size // max(1, channels)
    _launch("channel_sum.cu", "channel_sum", y.size, x, y, before, after, channels, pixels)
    return y


def channel_totals(x: Array) -> Array:
    """The sum of each channel: (C, H, W, N) -> (C,)."""
    channels, length = x.shape[0], math.prod(x.shape[1:])
    while True:
        pieces = max(1, min(-(-length // PIECE), MOST_PIECES))
        totals = new(x, (channels, pieces))
        threads = totals.size * THREADS
        _launch("totals.cu", "channel_totals", threads, x, totals, channels, length, pieces)
        if pieces == 1:
            return totals.reshape(channels)
        x, length = totals, pieces


def pad(x: Array, rows: Sources, columns: Sources, value: float) -> Array:
    """Copy row rows[i], column columns[j] of x to (i, j), value where either is -1."""
    channels, height, width, batch = x.shape
    y = new(x, (channels, len(rows), len(columns), batch))
    indices = [index_array(s, device_of(x)) for s in (rows, columns)]
    sizes = (channels, height, width, len(rows), len(columns), batch)
    _launch("pad.cu", "pad", y.size, x, *indices, y, x.dtype.type(value), *sizes)
    return y


def pad_adjoint(y: Array, rows: Sources, columns: Sources, input_size: Pair) -> Array:
    """Add every padded pixel back onto the one it copies: (C, .., .., N) -> (C, H, W, N)."""
    channels, batch = y.shape[0], y.shape[-1]
    x = new(y, (channels, *input_size, batch))
    lists = (*copies(rows, input_size[0]), *copies(columns, input_size[1]))
    indices = [index_array(s, device_of(y)) for s in lists]
    sizes = (channels, *input_size, len(rows), len(columns), batch)
    _launch("pad.cu", "pad_adjoint", x.size, y, *indices, x, *sizes)
    return x


def _launch(source: str, kernel: str, elements: int, x: Array, *arguments: Any) -> None:
    """Start a kernel whose one type is that of its first argument."""
    launch(source, kernel, (x.dtype,), elements, contiguous(x), *arguments)

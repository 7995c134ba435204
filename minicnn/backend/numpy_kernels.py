"""The kernels vectorised: the same names, parameters and results as ``reference_kernels.py``.

One idea carries them all. Instead of visiting each place of the window and looping over its taps,
visit each tap once and handle all places together: the pixels under tap (kh, kw) of every window
are one strided slice of the image (``geometry.taps``), with runs of N contiguous numbers because
storage is (C, H, W, N). Places where the tap falls on padding are not in the slice, so nothing is
ever padded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .arrays import Array
from .geometry import Pair, Tap, Window, taps
from .numpy_any_shape import erf, gate, log_softmax, mask, pick, put_back, softmax, uniform
from .numpy_updates import UPDATED_AT_ONCE, adadelta, adagrad, adam, rmsprop, sgd
from .sources import Sources, runs

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

COLUMN_BYTES, COLUMN_LENGTH = 5 << 20, 2048
"""Bytes of columns made at a time, by rows of places, but no fewer places than COLUMN_LENGTH.

The product then reads them from the cache, and memory does not grow with the image; BLAS is slow
where the axis of places is short (``python -m benchmarks.bands``).
"""

PRODUCT_LENGTH = 4096
"""Thin matrix products are cut to this length (``python -m benchmarks.weight_gradient``)."""


def im2col(x: Array, window: Window) -> Array:
    """Lay the pixels under every window in a column: (C, H, W, N) -> (C, KH, KW, OH, OW, N)."""
    channels, _, _, batch = x.shape
    columns = np.empty((channels, *window.kernel_size, *window.output_size, batch), x.dtype)
    for tap in taps(window):
        places = columns[:, tap.kh, tap.kw]  # (C, OH, OW, N)
        if not tap.complete:
            places[...] = 0
        places[tap.output] = x[tap.input]
    return columns


def col2im(columns: Array, window: Window) -> Array:
    """Add every column back onto its pixels: (C, KH, KW, OH, OW, N) -> (C, H, W, N)."""
    channels, batch = columns.shape[0], columns.shape[-1]
    x = np.zeros((channels, *window.input_size, batch), columns.dtype)
    for tap in taps(window):
        x[tap.input] += columns[:, tap.kh, tap.kw][tap.output]
    return x


def max_pool(x: Array, window: Window) -> Array:
    """The largest pixel under every window: (C, H, W, N) -> (C, OH, OW, N)."""
    return _extreme(x, window, np.maximum, -np.inf)


def min_pool(x: Array, window: Window) -> Array:
    """The smallest pixel under every window: (C, H, W, N) -> (C, OH, OW, N)."""
    return _extreme(x, window, np.minimum, np.inf)


def _extreme(x: Array, window: Window, better: Any, worst: float) -> Array:
    channels, _, _, batch = x.shape
    y = np.empty((channels, *window.output_size, batch), x.dtype)
    first, *others = taps(window)
    if not first.complete:
        y[...] = worst
    y[first.output] = x[first.input]
    for tap in others:
        places = y[tap.output]
        better(places, x[tap.input], out=places)
    return y


def winner_scatter(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Put each window's value back onto its winner: (C, OH, OW, N) -> (C, H, W, N)."""
    result = np.zeros(x.shape, values.dtype)
    for tap, wins in _winners(x, y, window):
        if window.overlaps:
            result[tap.input] += mask(values[tap.output], wins)
        else:
            result[tap.input] = mask(values[tap.output], wins)
    return result


def winner_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Pick the pixels that won in x: (C, H, W, N) -> (C, OH, OW, N)."""
    result = np.zeros(y.shape, values.dtype)
    for tap, wins in _winners(x, y, window):
        np.copyto(result[tap.output], values[tap.input], where=wins)
    return result


def _winners(x: Array, y: Array, window: Window) -> Iterator[tuple[Tap, Array]]:
    """For each tap the windows whose winner it is, found again: faster than keeping indices."""
    undecided = np.ones(y.shape, bool)  # windows whose winner no earlier tap was
    has_nan = np.isnan(y).any()
    for tap in taps(window):
        wins = x[tap.input] == y[tap.output]
        if has_nan:  # which equals nothing, not even itself
            wins |= np.isnan(x[tap.input])
        places = undecided[tap.output]
        wins &= places
        places ^= wins
        yield tap, wins


def unpool(values: Array, positions: Array, size: Pair) -> Array:
    """Write each value to its position in a map of zeros: (C, OH, OW, N) -> (C, H, W, N)."""
    channels, height, width, batch = values.shape
    x = np.zeros((channels, size[0] * size[1], batch), values.dtype)
    flat = (channels, height * width, batch)
    np.put_along_axis(x, positions.reshape(flat), values.reshape(flat), axis=1)
    return x.reshape(channels, *size, batch)


def unpool_adjoint(x: Array, positions: Array) -> Array:
    """Pick from each map the pixels at the positions: (C, H, W, N) -> (C, OH, OW, N)."""
    channels, height, width, batch = x.shape
    flat = (channels, positions.shape[1] * positions.shape[2], batch)
    maps = x.reshape(channels, height * width, batch)
    return np.take_along_axis(maps, positions.reshape(flat), axis=1).reshape(positions.shape)


def avg_pool(x: Array, window: Window, divisor: Array) -> Array:
    """The sum under every window by its divisor (OH, OW): (C, H, W, N) -> (C, OH, OW, N)."""
    channels, _, _, batch = x.shape
    y = np.zeros((channels, *window.output_size, batch), x.dtype)
    for tap in taps(window):
        y[tap.output] += x[tap.input]
    y /= divisor[:, :, None]
    return y


def avg_pool_adjoint(y: Array, window: Window, divisor: Array) -> Array:
    """Give every pixel its share of each window: (C, OH, OW, N) -> (C, H, W, N)."""
    channels, _, _, batch = y.shape
    x = np.zeros((channels, *window.input_size, batch), y.dtype)
    shares = y / divisor[:, :, None]  # (C, OH, OW, N)
    for tap in taps(window):
        x[tap.input] += shares[tap.output]
    return x


def channel_sum(x: Array, before: int, after: int) -> Array:
    """Add to each channel those up to before in front and after behind: (C, H, W, N) -> same."""
    y = x.copy()
    for distance in range(1, before + 1):
        y[distance:] += x[:-distance]
    for distance in range(1, after + 1):
        y[:-distance] += x[distance:]
    return y


def channel_totals(x: Array) -> Array:
    """The sum of each channel: (C, H, W, N) -> (C,); BLAS adds faster than ``sum``."""
    pixels = x.reshape(x.shape[0], math.prod(x.shape[1:]))
    return pixels @ np.ones(pixels.shape[1], x.dtype)


def pad(x: Array, rows: Sources, columns: Sources, value: float) -> Array:
    """Copy row rows[i], column columns[j] of x to (i, j), value where either is -1."""
    channels, _, _, batch = x.shape
    y = np.full((channels, len(rows), len(columns), batch), value, x.dtype)
    for to_rows, from_rows in runs(rows):
        for to_columns, from_columns in runs(columns):
            y[:, to_rows, to_columns] = x[:, from_rows, from_columns]
    return y


def pad_adjoint(y: Array, rows: Sources, columns: Sources, input_size: Pair) -> Array:
    """Add every padded pixel back onto the one it copies: (C, .., .., N) -> (C, H, W, N)."""
    channels, batch = y.shape[0], y.shape[-1]
    x = np.zeros((channels, *input_size, batch), y.dtype)
    for to_rows, from_rows in runs(rows):
        for to_columns, from_columns in runs(columns):
            x[:, from_rows, from_columns] += y[:, to_rows, to_columns]
    return x

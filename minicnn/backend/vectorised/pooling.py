"""Pooling with NumPy: one operation on the whole array for each tap of the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...checks import Pair
from ..arrays import Array
from ..geometry import Tap, Window, taps
from .elementwise import keep


def max_pool(x: Array, window: Window) -> Array:
    return _extreme(x, window, np.maximum, -np.inf)


def min_pool(x: Array, window: Window) -> Array:
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
    result = np.zeros(x.shape, values.dtype)
    for tap, wins in _winners(x, y, window):
        if window.overlaps:
            result[tap.input] += keep(values[tap.output], wins)
        else:
            result[tap.input] = keep(values[tap.output], wins)
    return result


def winner_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
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
    channels, height, width, batch = values.shape
    x = np.zeros((channels, size[0] * size[1], batch), values.dtype)
    flat = (channels, height * width, batch)
    np.put_along_axis(x, positions.reshape(flat), values.reshape(flat), axis=1)
    return x.reshape(channels, *size, batch)


def unpool_adjoint(x: Array, positions: Array) -> Array:
    channels, height, width, batch = x.shape
    flat = (channels, positions.shape[1] * positions.shape[2], batch)
    maps = x.reshape(channels, height * width, batch)
    return np.take_along_axis(maps, positions.reshape(flat), axis=1).reshape(positions.shape)


def avg_pool(x: Array, window: Window, divisor: Array) -> Array:
    channels, _, _, batch = x.shape
    y = np.zeros((channels, *window.output_size, batch), x.dtype)
    for tap in taps(window):
        y[tap.output] += x[tap.input]
    y /= divisor[:, :, None]
    return y


def avg_pool_adjoint(y: Array, window: Window, divisor: Array) -> Array:
    channels, _, _, batch = y.shape
    x = np.zeros((channels, *window.input_size, batch), y.dtype)
    shares = y / divisor[:, :, None]  # (C, OH, OW, N)
    for tap in taps(window):
        x[tap.input] += shares[tap.output]
    return x

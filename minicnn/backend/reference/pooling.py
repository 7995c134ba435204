"""Pooling as plain loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...checks import Pair
from ..arrays import Array
from ..geometry import Window
from .places import pixels, places


def max_pool(x: Array, window: Window) -> Array:
    return _best(x, window, -np.inf, lambda pixel, best: pixel > best)


def min_pool(x: Array, window: Window) -> Array:
    return _best(x, window, np.inf, lambda pixel, best: pixel < best)


def _best(
    x: Array, window: Window, worst: float, is_better: Callable[[float, float], bool]
) -> Array:
    channels, _, _, batch = x.shape
    y = np.full((channels, *window.output_size, batch), worst, x.dtype)
    for oh, ow in places(window):
        for _, _, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    pixel = x[c, ih, iw, n]
                    if is_better(pixel, y[c, oh, ow, n]) or np.isnan(pixel):
                        y[c, oh, ow, n] = pixel
    return y


def winner(x: Array, y: Array, window: Window, c: int, oh: int, ow: int, n: int) -> Pair:
    """The pixel (ih, iw) that gave y[c, oh, ow, n]: the first in row order when several tie."""
    for _, _, ih, iw in pixels(window, oh, ow):
        if x[c, ih, iw, n] == y[c, oh, ow, n] or np.isnan(x[c, ih, iw, n]):
            return ih, iw
    raise ValueError(f"no pixel under the window at {oh, ow} is its maximum or minimum")


def winner_scatter(values: Array, x: Array, y: Array, window: Window) -> Array:
    result = np.zeros_like(x, dtype=values.dtype)
    for oh, ow in places(window):
        for c in range(x.shape[0]):
            for n in range(x.shape[3]):
                ih, iw = winner(x, y, window, c, oh, ow, n)
                result[c, ih, iw, n] += values[c, oh, ow, n]
    return result


def winner_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
    result = np.zeros_like(y, dtype=values.dtype)
    for oh, ow in places(window):
        for c in range(x.shape[0]):
            for n in range(x.shape[3]):
                ih, iw = winner(x, y, window, c, oh, ow, n)
                result[c, oh, ow, n] = values[c, ih, iw, n]
    return result


def unpool(values: Array, positions: Array, size: Pair) -> Array:
    channels, height, width, batch = values.shape
    x = np.zeros((channels, *size, batch), values.dtype)
    for c, oh, ow, n in np.ndindex(channels, height, width, batch):
        ih, iw = divmod(int(positions[c, oh, ow, n]), size[1])
        x[c, ih, iw, n] = values[c, oh, ow, n]
    return x


def unpool_adjoint(x: Array, positions: Array) -> Array:
    values = np.empty(positions.shape, x.dtype)
    for c, oh, ow, n in np.ndindex(*positions.shape):
        ih, iw = divmod(int(positions[c, oh, ow, n]), x.shape[2])
        values[c, oh, ow, n] = x[c, ih, iw, n]
    return values


def avg_pool(x: Array, window: Window, divisor: Array) -> Array:
    channels, _, _, batch = x.shape
    y = np.zeros((channels, *window.output_size, batch), x.dtype)
    for oh, ow in places(window):
        for c in range(channels):
            for n in range(batch):
                for _, _, ih, iw in pixels(window, oh, ow):
                    y[c, oh, ow, n] += x[c, ih, iw, n]
                y[c, oh, ow, n] /= divisor[oh, ow]
    return y


def avg_pool_adjoint(y: Array, window: Window, divisor: Array) -> Array:
    channels, _, _, batch = y.shape
    x = np.zeros((channels, *window.input_size, batch), y.dtype)
    for oh, ow in places(window):
        for _, _, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    x[c, ih, iw, n] += y[c, oh, ow, n] / divisor[oh, ow]
    return x

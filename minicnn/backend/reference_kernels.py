"""The kernels as plain loops: read these first. They are the oracle of the tests.

Every kernel takes and returns arrays in storage order (C, H, W, N) and has a twin of the same name,
parameters and order in ``numpy_kernels.py``. ``window`` is a ``geometry.Window``; a place where the
window stands is (oh, ow), a tap inside it is (kh, kw), the pixel under that tap is (ih, iw).

An *adjoint* is the transposed linear map: what carries gradients back through the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .arrays import Array
from .geometry import Pair, Window
from .reference_any_shape import erf, gate, log_softmax, mask, pick, put_back, softmax, uniform
from .reference_updates import adadelta, adagrad, adam, rmsprop, sgd
from .sources import Sources

__all__ = [
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


def places(window: Window) -> Iterator[tuple[int, int]]:
    """Every place (oh, ow) of the window, in row order."""
    for oh in range(window.output_size[0]):
        for ow in range(window.output_size[1]):
            yield oh, ow


def pixels(window: Window, oh: int, ow: int) -> Iterator[tuple[int, int, int, int]]:
    """Every (kh, kw, ih, iw) of the window at (oh, ow) that is a pixel and not padding."""
    for kh in range(window.kernel_size[0]):
        for kw in range(window.kernel_size[1]):
            ih = oh * window.stride[0] + kh * window.dilation[0] - window.padding[0][0]
            iw = ow * window.stride[1] + kw * window.dilation[1] - window.padding[1][0]
            if 0 <= ih < window.input_size[0] and 0 <= iw < window.input_size[1]:
                yield kh, kw, ih, iw


def im2col(x: Array, window: Window) -> Array:
    """Lay the pixels under every window in a column, 0 for padding.

    x (C, H, W, N) -> columns (C, KH, KW, OH, OW, N)
    columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n]
    """
    channels, _, _, batch = x.shape
    columns = np.zeros((channels, *window.kernel_size, *window.output_size, batch), x.dtype)
    for oh, ow in places(window):
        for kh, kw, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n]
    return columns


def col2im(columns: Array, window: Window) -> Array:
    """The adjoint of im2col: add every column back onto the pixels it came from.

    columns (C, KH, KW, OH, OW, N) -> x (C, H, W, N)
    x[c, ih, iw, n] = sum of columns[c, kh, kw, oh, ow, n] over all taps that see (ih, iw)
    """
    channels, batch = columns.shape[0], columns.shape[-1]
    x = np.zeros((channels, *window.input_size, batch), columns.dtype)
    for oh, ow in places(window):
        for kh, kw, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    x[c, ih, iw, n] += columns[c, kh, kw, oh, ow, n]
    return x


def max_pool(x: Array, window: Window) -> Array:
    """The largest pixel under every window; padding counts as -inf, NaN wins over everything.

    x (C, H, W, N) -> y (C, OH, OW, N)
    """
    channels, _, _, batch = x.shape
    y = np.full((channels, *window.output_size, batch), -np.inf, x.dtype)
    for oh, ow in places(window):
        for _, _, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    if x[c, ih, iw, n] > y[c, oh, ow, n] or np.isnan(x[c, ih, iw, n]):
                        y[c, oh, ow, n] = x[c, ih, iw, n]
    return y


def min_pool(x: Array, window: Window) -> Array:
    """The smallest pixel under every window; padding counts as +inf, NaN wins over everything.

    x (C, H, W, N) -> y (C, OH, OW, N)
    """
    channels, _, _, batch = x.shape
    y = np.full((channels, *window.output_size, batch), np.inf, x.dtype)
    for oh, ow in places(window):
        for _, _, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    if x[c, ih, iw, n] < y[c, oh, ow, n] or np.isnan(x[c, ih, iw, n]):
                        y[c, oh, ow, n] = x[c, ih, iw, n]
    return y


def winner(x: Array, y: Array, window: Window, c: int, oh: int, ow: int, n: int) -> Pair:
    """The pixel (ih, iw) that gave y[c, oh, ow, n]: the first in row order when several tie."""
    for _, _, ih, iw in pixels(window, oh, ow):
        if x[c, ih, iw, n] == y[c, oh, ow, n] or np.isnan(x[c, ih, iw, n]):
            return ih, iw
    raise ValueError(f"no pixel under the window at {oh, ow} is its maximum or minimum")


def winner_scatter(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Put each window's value back onto its winner, adding where windows overlap.

    values, y (C, OH, OW, N), x (C, H, W, N) -> (C, H, W, N); y = max_pool(x) or min_pool(x)
    """
    result = np.zeros_like(x, dtype=values.dtype)
    for oh, ow in places(window):
        for c in range(x.shape[0]):
            for n in range(x.shape[3]):
                ih, iw = winner(x, y, window, c, oh, ow, n)
                result[c, ih, iw, n] += values[c, oh, ow, n]
    return result


def winner_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Pick from another array the pixels that won in x: the adjoint of winner_scatter.

    values, x (C, H, W, N), y (C, OH, OW, N) -> (C, OH, OW, N); y = max_pool(x) or min_pool(x)
    """
    result = np.zeros_like(y, dtype=values.dtype)
    for oh, ow in places(window):
        for c in range(x.shape[0]):
            for n in range(x.shape[3]):
                ih, iw = winner(x, y, window, c, oh, ow, n)
                result[c, oh, ow, n] = values[c, ih, iw, n]
    return result


def unpool(values: Array, positions: Array, size: Pair) -> Array:
    """Write each value to its position in a map of zeros; the last in row order stays.

    values, positions (C, OH, OW, N), each position ih·W + iw -> x (C, H, W, N), size = (H, W)
    """
    channels, height, width, batch = values.shape
    x = np.zeros((channels, *size, batch), values.dtype)
    for c, oh, ow, n in np.ndindex(channels, height, width, batch):
        ih, iw = divmod(int(positions[c, oh, ow, n]), size[1])
        x[c, ih, iw, n] = values[c, oh, ow, n]
    return x


def unpool_adjoint(x: Array, positions: Array) -> Array:
    """Pick from each map the pixels at the positions: the adjoint of unpool where none comes twice.

    x (C, H, W, N), positions (C, OH, OW, N) -> (C, OH, OW, N)
    """
    values = np.empty(positions.shape, x.dtype)
    for c, oh, ow, n in np.ndindex(*positions.shape):
        ih, iw = divmod(int(positions[c, oh, ow, n]), x.shape[2])
        values[c, oh, ow, n] = x[c, ih, iw, n]
    return values


def avg_pool(x: Array, window: Window, divisor: Array) -> Array:
    """The sum of the pixels under every window, divided by the divisor of its place.

    x (C, H, W, N), divisor (OH, OW) -> y (C, OH, OW, N)
    """
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
    """Give every pixel its share of each window that sees it: the adjoint of avg_pool.

    y (C, OH, OW, N), divisor (OH, OW) -> x (C, H, W, N)
    """
    channels, _, _, batch = y.shape
    x = np.zeros((channels, *window.input_size, batch), y.dtype)
    for oh, ow in places(window):
        for _, _, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    x[c, ih, iw, n] += y[c, oh, ow, n] / divisor[oh, ow]
    return x


def channel_sum(x: Array, before: int, after: int) -> Array:
    """Sum neighbouring channels: y[c] = x[c - before] + ... + x[c + after], as far as they exist.

    x (C, H, W, N) -> y (C, H, W, N); its adjoint is channel_sum(y, after, before)
    """
    channels = x.shape[0]
    y = np.zeros_like(x)
    for c in range(channels):
        for neighbour in range(max(0, c - before), min(channels, c + after + 1)):
            for index in np.ndindex(*x.shape[1:]):
                y[c][index] += x[neighbour][index]
    return y


def channel_totals(x: Array) -> Array:
    """The sum of each channel: x (C, H, W, N) -> (C,)."""
    totals = np.zeros(x.shape[0], x.dtype)
    for c, *index in np.ndindex(*x.shape):
        totals[c] += x[c][tuple(index)]
    return totals


def pad(x: Array, rows: Sources, columns: Sources, value: float) -> Array:
    """Copy row rows[i] and column columns[j] of x to (i, j), or value where either is -1.

    x (C, H, W, N) -> (C, len(rows), len(columns), N); ``sources.py`` makes the indices
    """
    channels, _, _, batch = x.shape
    y = np.full((channels, len(rows), len(columns), batch), value, x.dtype)
    for i, ih in enumerate(rows):
        for j, iw in enumerate(columns):
            if ih >= 0 and iw >= 0:
                for c in range(channels):
                    for n in range(batch):
                        y[c, i, j, n] = x[c, ih, iw, n]
    return y


def pad_adjoint(y: Array, rows: Sources, columns: Sources, input_size: Pair) -> Array:
    """Add every padded pixel back onto the pixel it copies: the adjoint of pad with value 0.

    y (C, len(rows), len(columns), N) -> x (C, H, W, N)
    """
    channels, _, _, batch = y.shape
    x = np.zeros((channels, *input_size, batch), y.dtype)
    for i, ih in enumerate(rows):
        for j, iw in enumerate(columns):
            if ih >= 0 and iw >= 0:
                for c in range(channels):
                    for n in range(batch):
                        x[c, ih, iw, n] += y[c, i, j, n]
    return x

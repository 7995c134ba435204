"""The kernels vectorised: the same names, parameters and results as ``reference_kernels.py``.

One idea carries them all. Instead of visiting each place of the window and looping over its taps,
visit each tap once and handle all places together: the pixels under tap (kh, kw) of every window
are one strided slice of the image (``geometry.taps``), with runs of N contiguous numbers because
storage is (C, H, W, N). Places where the tap falls on padding are not in the slice, so nothing is
ever padded.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .geometry import Pair, Window, taps

__all__ = [
    "avg_pool",
    "avg_pool_adjoint",
    "col2im",
    "im2col",
    "mask",
    "max_pool",
    "max_pool_gather",
    "max_pool_scatter",
    "pad",
    "pad_adjoint",
]


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


def mask(x: Array, kept: Array) -> Array:
    """x where kept, 0 elsewhere, of any shape; as x * kept, but 0 for infinite x too."""
    # The integer -1 has all bits set and -0 has none. np.where is slower.
    bits = x.view(f"i{x.itemsize}")
    return (bits & -kept.view(np.int8)).view(x.dtype)


def max_pool(x: Array, window: Window) -> Array:
    """The largest pixel under every window: (C, H, W, N) -> (C, OH, OW, N)."""
    channels, _, _, batch = x.shape
    y = np.empty((channels, *window.output_size, batch), x.dtype)
    first, *others = taps(window)
    if not first.complete:
        y[...] = -np.inf
    y[first.output] = x[first.input]
    for tap in others:
        places = y[tap.output]
        np.maximum(places, x[tap.input], out=places)
    return y


def max_pool_scatter(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Put each window's value back onto its winner: (C, OH, OW, N) -> (C, H, W, N)."""
    result = np.zeros(x.shape, values.dtype)
    undecided = np.ones(y.shape, bool)  # windows whose winner no earlier tap was
    for tap in taps(window):
        # Found again rather than stored: comparing is faster than keeping indices.
        lost = x[tap.input] < y[tap.output]
        wins = undecided[tap.output] > lost
        if window.overlaps:
            result[tap.input] += mask(values[tap.output], wins)
        else:
            result[tap.input] = mask(values[tap.output], wins)
        undecided[tap.output] &= lost
    return result


def max_pool_gather(values: Array, x: Array, y: Array, window: Window) -> Array:
    """Pick the pixels that won in x: (C, H, W, N) -> (C, OH, OW, N)."""
    result = np.zeros(y.shape, values.dtype)
    undecided = np.ones(y.shape, bool)
    for tap in taps(window):
        lost = x[tap.input] < y[tap.output]
        np.copyto(result[tap.output], values[tap.input], where=undecided[tap.output] > lost)
        undecided[tap.output] &= lost
    return result


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


def pad(x: Array, rows: tuple[int, ...], columns: tuple[int, ...], value: float) -> Array:
    """Copy row rows[i], column columns[j] of x to (i, j), value where either is -1."""
    channels, _, _, batch = x.shape
    y = np.full((channels, len(rows), len(columns), batch), value, x.dtype)
    to_rows, from_rows = _copied(rows)
    to_columns, from_columns = _copied(columns)
    y[:, to_rows[:, None], to_columns] = x[:, from_rows[:, None], from_columns]
    return y


def _copied(sources: tuple[int, ...]) -> tuple[Array, Array]:
    """The padded indices that copy a pixel, and the pixels that they copy."""
    index = np.array(sources, int)
    to = np.flatnonzero(index >= 0)
    return to, index[to]


def pad_adjoint(
    y: Array, rows: tuple[int, ...], columns: tuple[int, ...], input_size: Pair
) -> Array:
    """Add every padded pixel back onto the one it copies: (C, .., .., N) -> (C, H, W, N)."""
    channels, _, width, batch = y.shape
    by_rows = np.zeros((channels, input_size[0], width, batch), y.dtype)
    for i, ih in enumerate(rows):
        if ih >= 0:
            by_rows[:, ih] += y[:, i]
    x = np.zeros((channels, *input_size, batch), y.dtype)
    for j, iw in enumerate(columns):
        if iw >= 0:
            x[:, :, iw] += by_rows[:, :, j]
    return x

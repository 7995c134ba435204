"""im2col and col2im with NumPy: one strided copy for each tap of the window."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..geometry import Window, taps


def im2col(x: Array, window: Window) -> Array:
    channels, _, _, batch = x.shape
    columns = np.empty((channels, *window.kernel_size, *window.output_size, batch), x.dtype)
    for tap in taps(window):
        places = columns[:, tap.kh, tap.kw]  # (C, OH, OW, N)
        if not tap.complete:
            places[...] = 0
        places[tap.output] = x[tap.input]
    return columns


def col2im(columns: Array, window: Window) -> Array:
    channels, batch = columns.shape[0], columns.shape[-1]
    x = np.zeros((channels, *window.input_size, batch), columns.dtype)
    for tap in taps(window):
        x[tap.input] += columns[:, tap.kh, tap.kw][tap.output]
    return x

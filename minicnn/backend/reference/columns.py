"""im2col and col2im as plain loops."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..geometry import Window
from .places import pixels, places


def im2col(x: Array, window: Window) -> Array:
    channels, _, _, batch = x.shape
    columns = np.zeros((channels, *window.kernel_size, *window.output_size, batch), x.dtype)
    for oh, ow in places(window):
        for kh, kw, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n]
    return columns


def col2im(columns: Array, window: Window) -> Array:
    channels, batch = columns.shape[0], columns.shape[-1]
    x = np.zeros((channels, *window.input_size, batch), columns.dtype)
    for oh, ow in places(window):
        for kh, kw, ih, iw in pixels(window, oh, ow):
            for c in range(channels):
                for n in range(batch):
                    x[c, ih, iw, n] += columns[c, kh, kw, oh, ow, n]
    return x

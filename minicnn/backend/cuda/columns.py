"""im2col and col2im in CUDA C, see ``columns.cu``."""

from __future__ import annotations

from ..arrays import Array
from ..geometry import Window
from .arguments import contiguous, new
from .launch import launch
from .runs import above_arguments


def im2col(x: Array, window: Window) -> Array:
    channels, _, _, batch = x.shape
    columns = new(x, (channels, *window.kernel_size, *window.output_size, batch))
    launch("columns.cu", "im2col", columns.size, contiguous(x), columns, window, channels, batch)
    return columns


def col2im(columns: Array, window: Window) -> Array:
    channels, batch = columns.shape[0], columns.shape[-1]
    x = new(columns, (channels, *window.input_size, batch))
    above = above_arguments(columns, window)
    launch("columns.cu", "col2im", x.size, contiguous(columns), x, *above, channels, batch)
    return x

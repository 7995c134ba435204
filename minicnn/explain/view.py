"""What one window reads from an image: which pixels it covers, and what it reads outside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend.geometry import Window
from ..backend.padding import padding_map, region_map


class Axis(NamedTuple):
    """The taps of a window along one axis of an image, in the order of the window."""

    size: int
    """Number of pixels of the image along this axis."""
    positions: tuple[int, ...]
    """Where each tap lies: 0 to size - 1 is a pixel, anything else is not."""
    sources: tuple[int, ...]
    """The pixel whose value each tap reads; -1: the fill value."""
    end: int
    """Where the padding ends: a tap at or past it lies beyond the padded image (ceil_mode)."""


class View(NamedTuple):
    """The taps of a window on the rows and on the columns of an image."""

    rows: Axis
    columns: Axis
    fill: float = 0.0

    def read(self, maps: NDArray[Any]) -> NDArray[Any]:
        """The values under the window: maps (C, H, W) -> (C, KH, KW)."""
        rows, columns = (np.array(axis.sources, int) for axis in (self.rows, self.columns))
        values = maps[:, rows[:, None], columns]  # (C, KH, KW), -1 read as the last pixel
        values[:, (rows[:, None] < 0) | (columns < 0)] = self.fill
        return values

    @property
    def is_pixel(self) -> NDArray[np.bool_]:
        """(KH, KW): whether a tap lies on a pixel of the image."""
        rows, columns = (
            np.array([0 <= p < axis.size for p in axis.positions], bool)
            for axis in (self.rows, self.columns)
        )
        return rows[:, None] & columns

    @property
    def is_beyond(self) -> NDArray[np.bool_]:
        """(KH, KW): whether a tap lies beyond the padding too, where nothing is counted."""
        rows, columns = (
            np.array([p >= axis.end for p in axis.positions], bool)
            for axis in (self.rows, self.columns)
        )
        return rows[:, None] | columns

    @property
    def is_padding(self) -> NDArray[np.bool_]:
        """(KH, KW): whether a tap lies on padding."""
        return ~self.is_pixel & ~self.is_beyond

    def pixel(self, kh: int, kw: int) -> tuple[int, int]:
        """Row and column of the image under one tap."""
        return self.rows.positions[kh], self.columns.positions[kw]


def view_window(window: Window, i: int, j: int, mode: str = "zeros", fill: float = 0.0) -> View:
    """What the window reads for the output at (i, j); mode: that of the padding."""
    return View(_window_axis(window, 0, i, mode), _window_axis(window, 1, j, mode), fill)


def _window_axis(window: Window, axis: int, place: int, mode: str) -> Axis:
    size, (before, after) = window.input_size[axis], window.padding[axis]
    first = place * window.stride[axis] - before
    positions = [first + k * window.dilation[axis] for k in range(window.kernel_size[axis])]
    sources = padding_map(size, before, after, mode)
    read = (sources[p + before] if p < size + after else -1 for p in positions)
    return Axis(size, tuple(positions), tuple(read), size + after)


def view_image(height: int, width: int) -> View:
    """All pixels, as global pooling reads them."""
    return View(make_pixel_axis(height, range(height)), make_pixel_axis(width, range(width)))


def view_region(input_size: tuple[int, int], regions: tuple[int, int], i: int, j: int) -> View:
    """The region (i, j) of adaptive pooling, which divides the image into so many regions."""
    rows = _region_axis(input_size[0], regions[0], i)
    return View(rows, _region_axis(input_size[1], regions[1], j))


def _region_axis(size: int, regions: int, place: int) -> Axis:
    sources, length, counts = region_map(size, regions)
    start = place * length
    return make_pixel_axis(size, sources[start : start + counts[place]])


def make_pixel_axis(size: int, pixels: Sequence[int]) -> Axis:
    """Taps that all lie on pixels."""
    return Axis(size, tuple(pixels), tuple(pixels), size)

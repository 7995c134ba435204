"""Which pixels lie under which taps: the lists that the kernels of ``convolution.cu`` follow.

Along one axis the places of a window that have the same taps form a *kind*. The kinds of rows and
of columns together give the list of taps of a place, so that a kernel never asks whether a tap lies
on a pixel, and never multiplies padding. All lists count pixels; a pixel is N numbers in memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Array, device_of
from ..capture import cached_arrays
from ..devices import to_device
from ..geometry import Window

Taps = tuple[tuple[int, int], ...]
"""For each tap that lies on a pixel: its number k, and the pixel, counted from the start."""
Places = list[tuple[int, Taps]]
"""For each place along an axis: where its taps start, and the taps."""


class Lists(NamedTuple):
    """What ``convolve`` follows: all arrays int32."""

    rows: Array
    """For each row of places: where it starts in x, and its kind."""
    runs: Array
    """For each run of places in a row: its first place, their number, its start in x, its kind."""
    taps: Array
    """For each tap: its pixel in x, counted from the start of row and run, and its weight."""
    starts: Array
    """Where the taps of each kind of row and kind of run begin: (row kinds · run kinds + 1,)."""
    kinds: int
    """Kinds of runs."""


@lru_cache(maxsize=256)
def forward_lists(window: Window, channels: int, longest: int) -> Lists:
    """The lists for ``y = convolve(x)``: a place takes the pixels under its window.

    longest: the most places of a run.
    """
    (height, width), (kh, kw) = window.input_size, window.kernel_size
    return _lists(
        *(_places_of_windows(window, axis) for axis in (0, 1)),
        channels=channels,
        pixels=height * width,
        width=width,
        weight_step=kh * kw,
        kernel_width=kw,
        longest=longest,
    )


def places_above(window: Window) -> Lists:
    """The lists of struct PlacesAbove: for each pixel the taps that see it, with their places."""
    return gradient_lists(window, 1, 1, 1)


@lru_cache(maxsize=256)
def gradient_lists(window: Window, maps: int, channels: int, longest: int) -> Lists:
    """The lists for the gradient to x: a pixel takes grad from the places whose windows see it."""
    (height, width), (kh, kw) = window.output_size, window.kernel_size
    return _lists(
        *(_pixels_in_windows(window, axis) for axis in (0, 1)),
        channels=maps,
        pixels=height * width,
        width=width,
        weight_step=channels * kh * kw,
        kernel_width=kw,
        longest=longest,
    )


def _places_of_windows(window: Window, axis: int) -> Places:
    size, stride, dilation = (v[axis] for v in (window.input_size, window.stride, window.dilation))
    offsets = [k * dilation - window.padding[axis][0] for k in range(window.kernel_size[axis])]
    return [
        (o * stride, tuple((k, d) for k, d in enumerate(offsets) if 0 <= o * stride + d < size))
        for o in range(window.output_size[axis])
    ]


def _pixels_in_windows(window: Window, axis: int) -> Places:
    """Pixel i lies under tap k of place o if i = o·stride + k·dilation - padding."""
    outputs, stride = window.output_size[axis], window.stride[axis]
    offsets = [
        k * window.dilation[axis] - window.padding[axis][0] for k in range(window.kernel_size[axis])
    ]
    found = []
    for i in range(window.input_size[axis]):
        start = i // stride
        places = [(k, (i - d) // stride) for k, d in enumerate(offsets) if (i - d) % stride == 0]
        found.append((start, tuple((k, o - start) for k, o in places if 0 <= o < outputs)))
    return found


def _lists(
    by_row: Places,
    by_column: Places,
    *,
    channels: int,
    pixels: int,
    width: int,
    weight_step: int,
    kernel_width: int,
    longest: int,
) -> Lists:
    row_kinds: dict[Taps, int] = {}
    run_kinds: dict[Taps, int] = {}
    rows = [(start * width, row_kinds.setdefault(t, len(row_kinds))) for start, t in by_row]
    runs = _runs(by_column, run_kinds, longest)
    taps, starts = [], [0]
    channel = np.arange(channels)[:, None] * [pixels, weight_step]  # (channels, 2)
    for row_taps in row_kinds:
        for run_taps in run_kinds:
            places = [
                (ih * width + iw, kh * kernel_width + kw)
                for kh, ih in row_taps
                for kw, iw in run_taps
            ]
            here = channel[:, None] + np.array(places, int).reshape(-1, 2)  # (channels, taps, 2)
            taps.append(here.reshape(-1, 2))
            starts.append(starts[-1] + len(taps[-1]))
    flat = np.concatenate(taps) if taps else np.empty((0, 2), int)
    return Lists(_int32(rows), _int32(runs), _int32(flat), _int32(starts), len(run_kinds))


def _runs(places: Places, kinds: dict[Taps, int], longest: int) -> list[list[int]]:
    """Neighbouring places of one kind whose pixels are neighbours too."""
    runs: list[list[int]] = []
    for place, (start, taps) in enumerate(places):
        kind = kinds.setdefault(taps, len(kinds))
        if runs:
            _, count, first, kind_before = runs[-1]
            if (kind, start) == (kind_before, first + count) and count < longest:
                runs[-1][1] += 1
                continue
        runs.append([place, 1, start, kind])
    return runs


class Columns(NamedTuple):
    """What ``convolve_weights`` follows: int32, each tile has ``columns`` of one kind."""

    columns: Array
    """For each column (c, kh, kw): its pixel in x, counted from place 0, and its weight."""
    kinds: Array
    """For each tile: the first row of places where its taps lie on pixels, the one after the last;
    the same for the places in a row."""
    tiles: int


@lru_cache(maxsize=256)
def weight_columns(window: Window, channels: int, columns: int) -> Columns:
    """The columns in tiles of that many; the last tile of a kind repeats its last column."""
    (height, width), (kh, kw) = window.input_size, window.kernel_size
    by_kind: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    rows, places = (_places_of_taps(window, axis) for axis in (0, 1))
    for c in range(channels):
        for i, (row, row_kind) in enumerate(rows):
            for j, (place, place_kind) in enumerate(places):
                pixel = (c * height + row) * width + place
                weight = (c * kh + i) * kw + j
                by_kind.setdefault((*row_kind, *place_kind), []).append((pixel, weight))
    listed, kinds = [], []
    for kind, members in by_kind.items():
        for start in range(0, len(members), columns):
            tile = members[start : start + columns]
            listed += tile + tile[-1:] * (columns - len(tile))
            kinds.append(kind)
    return Columns(_int32(listed), _int32(kinds), len(kinds))


def _places_of_taps(window: Window, axis: int) -> list[tuple[int, tuple[int, int]]]:
    """For each tap: its pixel at place 0, and the places where it lies on a pixel."""
    size, stride = window.input_size[axis], window.stride[axis]
    found = []
    for k in range(window.kernel_size[axis]):
        offset = k * window.dilation[axis] - window.padding[axis][0]
        first = max(0, -(offset // stride))  # the first o with o·stride + offset >= 0
        end = min(window.output_size[axis], (size - 1 - offset) // stride + 1)
        found.append((offset, (first, max(first, end))))
    return found


def _int32(numbers: object) -> Array:
    return np.ascontiguousarray(np.array(numbers, np.int32).ravel())


@cached_arrays(maxsize=512)
def lists_on(make: Any, device: str, *arguments: Any) -> Any:
    """``make(*arguments)``, one of the functions above, with its arrays on the device; cached."""
    lists = make(*arguments)
    return type(lists)(*[v if isinstance(v, int) else to_device(v, device) for v in lists])


def above_arguments(x: Array, window: Window) -> tuple[Any, ...]:
    """The arguments of a kernel that make a PlacesAbove, with the window, on the device of x."""
    lists = lists_on(places_above, device_of(x), window)
    return lists.rows, lists.runs, lists.taps, lists.starts, window, lists.kinds

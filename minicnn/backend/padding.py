"""Index maps: which pixel of an axis each pixel of a padded, cropped or regrouped axis copies.

Entry i of an index map is the index that pixel i copies, or -1 where a fill value stands instead.
``runs`` cuts a map into slices for fast copying.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

PADDING_MODES = ("zeros", "constant", "reflect", "replicate", "circular")
IndexMap = tuple[int, ...]
"""Entry i is the index that pixel i copies, -1 for the fill value."""


class Run(NamedTuple):
    """Neighbours that copy neighbours, in the same order or in reverse."""

    to: slice
    source: slice


def padding_map(size: int, before: int, after: int, mode: str, name: str = "padding") -> IndexMap:
    """The index map of a padded axis; errors begin with the name.

    reflect mirrors without repeating the edge pixel, replicate repeats the edge pixel, circular
    wraps around what is left by a crop; negative padding crops. Raises ValueError for more padding
    than the axis can provide (reflect: size - 1, circular: all pixels left) and for a crop that
    leaves nothing.
    """
    left = range(max(-before, 0), size - max(-after, 0))
    limits = {"reflect": size - 1, "circular": len(left), "replicate": math.inf if size else 0}
    if max(before, after, 0) > limits.get(mode, math.inf):
        pixels = f"{len(left)} of {size}" if mode == "circular" and len(left) < size else size
        raise ValueError(
            f"{name}: got {max(before, after)} in mode {mode!r}, "
            f"but an axis of {pixels} pixels gives at most {max(limits[mode], 0)}"
        )
    if size + before + after < 1:
        raise ValueError(f"{name}: {size} pixels {before:+d} {after:+d} leave nothing")
    places = range(-before, size + after)
    if mode == "circular":
        return tuple(left[(i - left.start) % len(left)] for i in places)
    return tuple(_source(i, size, mode) for i in places)


def _source(i: int, size: int, mode: str) -> int:
    if mode == "reflect":
        return abs(i) if i < size else 2 * (size - 1) - i
    if mode == "replicate":
        return min(max(i, 0), size - 1)
    return i if 0 <= i < size else -1


@lru_cache(maxsize=256)
def region_map(size: int, regions: int) -> tuple[IndexMap, int, tuple[int, ...]]:
    """An axis laid out as regions of one length that cover it: (index map, length, pixels of each).

    Region i runs from floor(i·size / regions) to ceil((i + 1)·size / regions); neighbours may share
    a pixel, and shorter regions are filled with -1 at their end.
    """
    starts = [i * size // regions for i in range(regions)]
    stops = [-(-(i + 1) * size // regions) for i in range(regions)]
    counts = tuple(stop - start for start, stop in zip(starts, stops, strict=True))
    length = max(counts)
    sources = tuple(
        start + k if k < count else -1
        for start, count in zip(starts, counts, strict=True)
        for k in range(length)
    )
    return sources, length, counts


@lru_cache(maxsize=1024)
def runs(sources: IndexMap) -> tuple[Run, ...]:
    """The slices that do the copying, from front to back; within one, no index comes twice."""
    found, i = [], 0
    while i < len(sources):
        stop = _end_of_run(sources, i)
        if sources[i] >= 0:
            first, last = sources[i], sources[stop - 1]
            step = -1 if last < first else 1
            beyond = last + step
            found.append(Run(slice(i, stop), slice(first, beyond if beyond >= 0 else None, step)))
        i = stop
    return tuple(found)


def _end_of_run(sources: IndexMap, start: int) -> int:
    """Where the run that begins at start ends: its indices go up by one, or down by one."""
    stop = start + 1
    if sources[start] < 0 or stop == len(sources):
        return stop
    step = sources[stop] - sources[start]
    if abs(step) != 1 or sources[stop] < 0:
        return stop
    while stop < len(sources) and sources[stop] - sources[stop - 1] == step and sources[stop] >= 0:
        stop += 1
    return stop


@lru_cache(maxsize=1024)
def inverse_map(sources: IndexMap, size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The inverse of an index map, (starts, indices): which pixels copy each index below size?

    Index i is copied by indices[starts[i]], ..., indices[starts[i + 1] - 1], in order.
    """
    copying: list[list[int]] = [[] for _ in range(size)]
    for copy, source in enumerate(sources):
        if source >= 0:
            copying[source].append(copy)
    starts = [0]
    for found in copying:
        starts.append(starts[-1] + len(found))
    return tuple(starts), tuple(copy for found in copying for copy in found)

"""Which pixel is copied where: padding against NumPy's, regions against their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.backend.padding import padding_map, region_map, runs


@pytest.mark.parametrize(
    ("mode", "numpy_mode"),
    [("zeros", "constant"), ("constant", "constant"), ("reflect", "reflect"),
     ("replicate", "edge"), ("circular", "wrap")],
)  # fmt: skip
@given(size=st.integers(1, 8), before=st.integers(-2, 4), after=st.integers(-2, 4))
def test_pad_sources(mode: str, numpy_mode: str, size: int, before: int, after: int) -> None:
    left = np.arange(max(-before, 0), size - max(-after, 0))
    limit = {"reflect": size - 1, "circular": left.size}.get(mode)
    if limit is not None and max(before, after, 0) > limit:
        shown = size if mode == "reflect" or left.size == size else f"{left.size} of {size}"
        with pytest.raises(ValueError, match=f"mode {mode!r}, but an axis of {shown} pixels gives"):
            padding_map(size, before, after, mode)
        return
    if size + before + after < 1:
        with pytest.raises(ValueError, match=f"padding: {size} pixels .* leave nothing"):
            padding_map(size, before, after, mode)
        return
    if mode == "circular":  # what is left is what is wrapped around, as in PyTorch
        wrapped = np.pad(left, (max(before, 0), max(after, 0)), numpy_mode)
        assert padding_map(size, before, after, mode) == tuple(wrapped)
        return
    fill = {"constant_values": -1} if numpy_mode == "constant" else {}
    grown = np.pad(np.arange(size), (max(before, 0), max(after, 0)), numpy_mode, **fill)
    expected = grown[max(-before, 0) : grown.size - max(-after, 0)]
    assert padding_map(size, before, after, mode) == tuple(expected)


def test_an_axis_without_pixels_has_nothing_to_repeat() -> None:
    with pytest.raises(
        ValueError, match="mode 'replicate', but an axis of 0 pixels gives at most 0"
    ):
        padding_map(0, 1, 1, "replicate")
    assert padding_map(0, 1, 1, "zeros") == (-1, -1)


@given(st.lists(st.integers(-1, 6), max_size=12).map(tuple))
def test_runs_copy_what_the_sources_say(sources: tuple[int, ...]) -> None:
    x = np.arange(7)
    copied = np.full(len(sources), -1)
    for to, source in runs(sources):
        assert (copied[to] == -1).all()  # no index is written twice
        assert len(set(x[source].tolist())) == len(x[source])  # nor read twice within a run
        copied[to] = x[source]
    np.testing.assert_array_equal(copied, sources)


@pytest.mark.parametrize(
    ("size", "before", "after", "mode", "count"),
    [(9, 3, 2, "zeros", 1), (9, 3, 2, "circular", 3), (9, 3, 2, "reflect", 3),
     (9, 3, 2, "replicate", 6), (9, -3, -2, "zeros", 1)],
)  # fmt: skip
def test_padding_takes_few_runs(size: int, before: int, after: int, mode: str, count: int) -> None:
    assert len(runs(padding_map(size, before, after, mode))) == count


@given(st.integers(1, 20), st.integers(1, 20))
def test_regions_cover_the_axis(size: int, regions: int) -> None:
    sources, length, counts = region_map(size, regions)
    assert (len(sources), len(counts)) == (length * regions, regions)
    for i, count in enumerate(counts):
        first, stop = math.floor(i * size / regions), math.ceil((i + 1) * size / regions)
        filled = [*range(first, stop), *[-1] * (length - count)]
        assert list(sources[i * length : (i + 1) * length]) == filled
    assert set(sources) - {-1} == set(range(size))

"""Holding out a part of each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn.data import ArrayDataset, hold_out


def numbered(labels: Any) -> ArrayDataset:
    """Images whose only pixel is their number."""
    pixels = np.arange(len(labels), dtype=np.float32).reshape(-1, 1, 1)
    return ArrayDataset(pixels, np.asarray(labels))


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_each_class_is_split_and_nothing_is_lost(labels: Any, fraction: float, seed: int) -> None:
    dataset = numbered(labels)
    if max(np.bincount(labels)) < 2:
        with pytest.raises(ValueError, match="hold_out: fraction"):
            hold_out(dataset, fraction, seed)
        return
    kept, held = hold_out(dataset, fraction, seed)
    numbers = [part.images.ravel().astype(int).tolist() for part in (kept, held)]
    assert sorted(numbers[0] + numbers[1]) == list(range(len(labels)))
    for label, images in enumerate(np.bincount(labels)):
        out = int((held.labels == label).sum())
        assert out == (min(max(round(fraction * images), 1), images - 1) if images else 0)
        assert out < images or images == 0
    again = hold_out(dataset, fraction, seed)[1]
    np.testing.assert_array_equal(again.images, held.images)


def test_another_seed_holds_out_others() -> None:
    dataset = numbered([0] * 100)
    first, second = (hold_out(dataset, 0.2, seed)[1].images for seed in (0, 1))
    assert not np.array_equal(first, second)
    assert len(first) == 20


@pytest.mark.parametrize(
    ("labels", "fraction", "error", "message"),
    [
        ([0, 0], 0.0, ValueError, "hold_out: fraction: 0.0 of .* is no image"),
        ([0, 0], 1.0, ValueError, "hold_out: fraction: got 1.0"),
        ([0, 0], "a", TypeError, "hold_out: fraction: got 'a'"),
        ([0, 1], 0.5, ValueError, "is no image"),
        ([[0.5], [1]], 0.5, ValueError, "has no classes, expected integer labels"),
    ],
)
def test_what_cannot_be_split(labels: Any, fraction: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        hold_out(numbered(labels), fraction)


def test_the_data_sets_of_the_catalog() -> None:
    kept, held = hold_out(mc.data.load("digits", "train"), 0.25)
    assert (len(kept), len(held)) == (1082, 360)
    assert kept.classes == held.classes == tuple("0123456789")

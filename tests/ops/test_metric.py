"""Metrics and one-hot targets: counts by hand, ties, NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.backend import is_array


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_one_hot(device: str, classes: list[int]) -> None:
    expected = [[float(c == k) for k in range(5)] for c in classes]
    for target in (classes, np.array(classes, "u1"), mc.tensor(classes, device=device)):
        got = ops.one_hot(target, 5)
        assert got.dtype == np.float32
        assert got.numpy().tolist() == expected
    assert ops.one_hot(np.array([classes]), 5).shape == (1, len(classes), 5)
    assert ops.one_hot(3, 5).numpy().tolist() == [0, 0, 0, 1, 0]


def test_accuracy(device: str) -> None:
    logits = mc.tensor([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [0.0, 1.0]], device=device)
    for target in (
        [1, 0, 0, 0],
        np.array([1, 0, 0, 0], "u1"),
        mc.tensor([1, 0, 0, 0], device=device),
    ):
        got = ops.accuracy(logits, target)
        assert (got.dtype, got.shape, got.item()) == (np.float32, (), 0.75)
        assert is_array(got.data)  # no scalar
        assert got.device == device


def test_accuracy_gives_ties_to_the_first_class(device: str) -> None:
    logits = mc.tensor([[1.0, 1.0]], device=device)
    assert [ops.accuracy(logits, [c]).item() for c in (0, 1)] == [1, 0]


def test_topk_accuracy(device: str) -> None:
    logits = mc.tensor(
        [[0.1, 0.9, 0.5], [0.8, 0.2, 0.4], [0.3, 0.2, 0.1], [3.0, 2.0, 1.0]], device=device
    )
    for target in (
        [0, 0, 1, 1],
        np.array([0, 0, 1, 1], "u1"),
        mc.tensor([0, 0, 1, 1], device=device),
    ):
        got = [ops.topk_accuracy(logits, target, k) for k in (1, 2, np.int64(3))]
        assert [y.item() for y in got] == [0.25, 0.75, 1]
        assert {(y.dtype, y.shape, y.device, is_array(y.data)) for y in got} == {
            (np.dtype(np.float32), (), device, True)
        }
    integers = mc.tensor([[3, 1, 2]], device=device)  # which rank too
    assert ops.topk_accuracy(integers, [2], 2).item() == 1


@given(
    st.lists(st.lists(st.integers(-2, 2), min_size=4, max_size=4), min_size=1, max_size=6),
    st.data(),
)
def test_topk_accuracy_ranks_ties_in_the_order_of_the_classes(
    device: str, rows: list[list[int]], data: st.DataObject
) -> None:
    target = [data.draw(st.integers(0, 3)) for _ in rows]
    k = data.draw(st.integers(1, 4))
    logits = mc.tensor(np.array(rows, float), device=device)
    best = [sorted(range(4), key=lambda c: (-row[c], c))[:k] for row in rows]
    right = sum(t in few for t, few in zip(target, best, strict=True))
    assert ops.topk_accuracy(logits, target, k).item() == pytest.approx(right / len(rows))
    assert ops.topk_accuracy(logits, target, 1).item() == ops.accuracy(logits, target).item()


def test_topk_accuracy_with_nan_and_infinities(device: str) -> None:
    logits = mc.tensor([[np.nan, 1.0, -np.inf, np.inf]], device=device)
    got = [[ops.topk_accuracy(logits, [c], k).item() for k in (1, 2, 3, 4)] for c in range(4)]
    assert got == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 1, 1]]

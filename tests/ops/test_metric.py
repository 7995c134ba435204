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


def test_accuracy_of_one_hot_rows_and_probabilities(device: str) -> None:
    logits = mc.tensor([[0.1, 0.9, 0.0], [0.8, 0.2, 0.1], [0.3, 0.5, 0.4]], device=device)
    rows = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    smooth = rows * 0.7 + 0.1
    for target in (rows, rows > 0, rows.astype("u1"), smooth, smooth.astype(np.float16)):
        for labels in (target, target.tolist(), mc.tensor(target, device=device)):
            assert ops.accuracy(logits, labels).item() == np.float32(1 / 3)
            assert ops.topk_accuracy(logits, labels, 2).item() == np.float32(1 / 3)
            assert ops.topk_accuracy(logits, labels, 3).item() == 1


@pytest.mark.parametrize(
    "target",
    [
        [[0, 1, 1], [1, 0, 0]],  # several classes
        [[0, 0, 0], [1, 0, 0]],
        [[0.5, 1.7, 2.0], [1, 0, 0]],  # numbers to be predicted
        [[1.5, -0.5, 0.0], [1, 0, 0]],
        [[np.nan, 0.5, 0.5], [1, 0, 0]],
    ],
)
def test_rows_that_are_no_probabilities_are_refused(target: list[list[float]]) -> None:
    logits = mc.tensor(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="accuracy: target .* 1 of its 2 rows are not one-hot"):
        ops.accuracy(logits, target)


def test_accuracy_of_each_pixel_without_the_ignored(device: str) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 4, 3, 5)).astype(np.float32)
    target = rng.integers(0, 4, (2, 3, 5))
    rank = (scores > np.take_along_axis(scores, target[:, None], 1)).sum(1)  # (N, H, W)
    ignored = rng.random(target.shape) < 0.5
    logits = mc.tensor(scores, device=device)
    for index in (-100, 255, 0):
        masked = np.where(ignored, index, target)
        counts = masked != index
        for k in (1, 2, 3):
            expected = (rank[counts] < k).mean()
            for labels in (masked, mc.tensor(masked, device=device)):
                got = ops.topk_accuracy(logits, labels, k, ignore_index=index)
                assert got.item() == pytest.approx(expected)
                assert (got.dtype, got.shape, got.device) == (np.float32, (), device)
        assert ops.accuracy(logits, masked, index).item() == pytest.approx(
            (rank[counts] == 0).mean()
        )
    assert ops.accuracy(logits, target).item() == pytest.approx((rank == 0).mean())
    rows = np.moveaxis(np.eye(4)[target], -1, 1)
    assert ops.accuracy(logits, rows).item() == pytest.approx((rank == 0).mean())


def test_a_mean_over_nothing_is_nan(device: str) -> None:
    logits = mc.tensor([[0.1, 0.9], [0.8, 0.2]], device=device)
    with np.errstate(all="raise"):
        assert np.isnan(ops.accuracy(logits, [-100, -100]).item())
        assert np.isnan(ops.topk_accuracy(logits, [7, 7], 1, ignore_index=7).item())
    assert ops.accuracy(logits, [-100, 0]).item() == 1


def test_one_output_has_no_accuracy() -> None:
    for metric in (ops.accuracy, lambda y, t: ops.topk_accuracy(y, t, 1)):
        for target in ([0, 1], [[0.0], [1.0]]):
            with pytest.raises(ValueError, match=r"shape \(2, 1\), expected two classes or more"):
                metric(mc.tensor([[-1.0], [1.0]]), target)


def test_classes_that_are_no_integers_are_refused() -> None:
    for target, kind in (([0.0, 1.0], "float64"), ([True, False], "bool")):
        with pytest.raises(TypeError, match=f"accuracy: target is {kind}, expected integers"):
            ops.accuracy(mc.tensor(np.eye(2)), target)
    with pytest.raises(TypeError, match="accuracy: ignore_index: got 0.5"):
        ops.accuracy(mc.tensor(np.eye(2)), [0, 1], ignore_index=0.5)  # type: ignore[arg-type]


def test_classes_out_of_range():
    """An index to ignore that the accuracy does not know, or labels from 1 on."""
    logits = mc.tensor(np.eye(3, dtype=np.float32))
    with pytest.raises(ValueError, match="accuracy: target holds class 255, but there are 3"):
        ops.accuracy(logits, [0, 255, 1])
    assert ops.accuracy(logits, [0, 255, 1], ignore_index=255).item() == 0.5

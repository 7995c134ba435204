"""Losses and metrics against plain loops, with every option, and at the extremes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.testing import gradcheck, gradgradcheck


def plain(
    logits: Any, target: Any, reduction: str, smoothing: float, ignored: int, weight: Any
) -> Any:
    """The formula of the docstring, one number at a time."""
    n, classes, *rest = logits.shape
    losses, total = np.zeros((n, *rest)), 0.0
    for place in np.ndindex(n, *rest):
        row = logits[(place[0], slice(None), *place[1:])]
        log_p = [
            float(z) - math.log(sum(math.exp(z - row.max()) for z in row)) - row.max() for z in row
        ]
        if target.dtype.kind == "f":
            truth = target[(place[0], slice(None), *place[1:])]
            total += 1
        else:
            if target[place] == ignored:
                continue
            truth = [float(c == target[place]) for c in range(classes)]
            total += weight[target[place]]
        for c in range(classes):
            smooth = (1 - smoothing) * truth[c] + smoothing / classes
            losses[place] -= weight[c] * smooth * log_p[c]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total if total else np.nan}[
        reduction
    ]


@given(st.data())
def test_cross_entropy_with_every_option(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    n, classes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    rest = data.draw(st.sampled_from([(), (2,), (2, 3)]))
    logits = mc.Tensor(rng.normal(0, 3, (n, classes, *rest)), requires_grad=True)
    reduction = data.draw(st.sampled_from(["mean", "sum", "none"]))
    smoothing = data.draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    weight = data.draw(st.sampled_from([None, rng.uniform(0.5, 2, classes), np.arange(classes)]))
    ignored = data.draw(st.sampled_from([-100, 0, -1]))
    if data.draw(st.booleans()):
        target: Any = rng.dirichlet(np.ones(classes), (n, *rest))
        target = np.moveaxis(target, -1, 1)
    else:
        target = rng.integers(
            0, classes, (n, *rest), dtype=data.draw(st.sampled_from(["i8", "u1"]))
        )
        if ignored == -1:
            target = target.astype("i8")
            target[rng.random(target.shape) < 0.3] = -1
    weights = np.ones(classes) if weight is None else weight
    expected = plain(logits.data, target, reduction, smoothing, ignored, weights)
    call = lambda x: ops.cross_entropy(x, target, reduction, smoothing, ignored, weight)  # noqa: E731
    got = call(logits)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-9, atol=1e-12)
    narrow = ops.cross_entropy(logits.to("float32"), target, reduction, smoothing, ignored, weight)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow.numpy(), expected, rtol=1e-3, atol=1e-4)
    if np.isfinite(expected).all():
        assert gradcheck(call, logits)
        assert gradgradcheck(call, logits)


def test_targets_of_every_kind() -> None:
    logits = mc.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = ops.cross_entropy(logits, mc.tensor([0, 1])).item()
    for target in ([0, 1], np.array([0, 1], "u1"), (0, 1), [[1.0, 0.0], [0.0, 1.0]]):
        assert ops.cross_entropy(logits, target).item() == pytest.approx(expected)
    for weight in ([1.0, 3.0], np.array([1, 3]), mc.tensor([1.0, 3.0])):
        assert ops.cross_entropy(logits, [0, 0], weight=weight).item() > 0


def test_a_mean_over_nothing_is_nan() -> None:
    with np.errstate(invalid="ignore"):
        assert math.isnan(ops.cross_entropy(mc.tensor([[1.0, 2.0]]), [-100]).item())
    assert ops.cross_entropy(mc.tensor([[1.0, 2.0]]), [-100], reduction="sum").item() == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
def test_extreme_logits(dtype: str, size: float) -> None:
    logits = mc.tensor([[size, 0.0, -size]], dtype, requires_grad=True)
    for target in ([0], [1], [2]):
        loss = ops.cross_entropy(logits, target)
        loss.backward()
        row = [float(logit) for logit in logits.data[0]]
        assert loss.item() == pytest.approx(max(row) - row[target[0]])
    assert logits.grad is not None
    assert np.isfinite(logits.grad.numpy()).all()


def test_a_class_masked_with_minus_infinity() -> None:
    """0 · log 0 is 0 here: a masked class that is not the target costs nothing."""
    logits = mc.tensor([[0.0, 0.0, -np.inf]], requires_grad=True)
    loss = ops.cross_entropy(logits, [0])
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), [[-0.5, 0.5, 0.0]])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ignored_rows_may_hold_anything(reduction: str, smoothing: float) -> None:
    logits = mc.tensor([[-np.inf, 0.0], [0.0, 1.0]], requires_grad=True)
    options: Any = {"reduction": reduction, "label_smoothing": smoothing}
    loss = ops.cross_entropy(logits, [-100, 1], **options)
    assert loss.item() == pytest.approx(ops.cross_entropy(logits[1:], [1], **options).item())
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.numpy()[0].tolist() == [0, 0]


def test_nan_logits_give_a_nan_loss() -> None:
    with np.errstate(invalid="ignore"):
        assert math.isnan(ops.cross_entropy(mc.tensor([[np.nan, 0.0]]), [1]).item())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_one_hot(classes: list[int]) -> None:
    expected = [[float(c == k) for k in range(5)] for c in classes]
    for target in (classes, np.array(classes, "u1"), mc.tensor(classes)):
        got = ops.one_hot(target, 5)
        assert got.dtype == np.float32
        assert got.numpy().tolist() == expected
    assert ops.one_hot(np.array([classes]), 5).shape == (1, len(classes), 5)
    assert ops.one_hot(3, 5).numpy().tolist() == [0, 0, 0, 1, 0]


def test_accuracy() -> None:
    logits = mc.tensor([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [0.0, 1.0]])
    for target in ([1, 0, 0, 0], np.array([1, 0, 0, 0], "u1"), mc.tensor([1, 0, 0, 0])):
        got = ops.accuracy(logits, target)
        assert (got.dtype, got.shape, got.item()) == (np.float32, (), 0.75)
        assert type(got.data) is np.ndarray

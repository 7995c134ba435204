"""Losses of classifiers against plain loops, with every option, and at the extremes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.devices import two_devices_are_refused

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
def test_cross_entropy_with_every_option(device: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    n, classes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    rest = data.draw(st.sampled_from([(), (2,), (2, 3)]))
    logits = mc.tensor(rng.normal(0, 3, (n, classes, *rest)), requires_grad=True, device=device)
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
    expected = plain(logits.numpy(), target, reduction, smoothing, ignored, weights)
    call = lambda x: ops.cross_entropy(x, target, reduction, smoothing, ignored, weight)  # noqa: E731
    got = call(logits)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-9, atol=1e-12)
    narrow = ops.cross_entropy(logits.to("float32"), target, reduction, smoothing, ignored, weight)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow.numpy(), expected, rtol=1e-3, atol=1e-4)
    if np.isfinite(expected).all():
        assert gradcheck(call, logits)
        assert gradgradcheck(call, logits)


def test_targets_of_every_kind(device: str) -> None:
    logits = mc.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    expected = ops.cross_entropy(logits, mc.tensor([0, 1], device=device)).item()
    for target in ([0, 1], np.array([0, 1], "u1"), (0, 1), [[1.0, 0.0], [0.0, 1.0]]):
        assert ops.cross_entropy(logits, target).item() == pytest.approx(expected)
    for weight in ([1.0, 3.0], np.array([1, 3]), mc.tensor([1.0, 3.0], device=device)):
        assert ops.cross_entropy(logits, [0, 0], weight=weight).item() > 0


@pytest.mark.parametrize("op", [ops.cross_entropy, ops.nll_loss])
def test_a_mean_over_nothing_is_nan(device: str, op: Any) -> None:
    with np.errstate(invalid="ignore"):
        assert math.isnan(op(mc.tensor([[1.0, 2.0]], device=device), [-100]).item())
    assert op(mc.tensor([[1.0, 2.0]], device=device), [-100], reduction="sum").item() == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
def test_extreme_logits(device: str, dtype: str, size: float) -> None:
    logits = mc.tensor([[size, 0.0, -size]], dtype, requires_grad=True, device=device)
    for target in ([0], [1], [2]):
        loss = ops.cross_entropy(logits, target)
        loss.backward()
        row = [float(logit) for logit in logits.numpy()[0]]
        assert loss.item() == pytest.approx(max(row) - row[target[0]])
    assert logits.grad is not None
    assert np.isfinite(logits.grad.numpy()).all()


def test_a_class_masked_with_minus_infinity(device: str) -> None:
    """0 · log 0 is 0 here: a masked class that is not the target costs nothing."""
    logits = mc.tensor([[0.0, 0.0, -np.inf]], requires_grad=True, device=device)
    loss = ops.cross_entropy(logits, [0])
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), [[-0.5, 0.5, 0.0]])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ignored_rows_may_hold_anything(device: str, reduction: str, smoothing: float) -> None:
    logits = mc.tensor([[-np.inf, 0.0], [0.0, 1.0]], requires_grad=True, device=device)
    options: Any = {"reduction": reduction, "label_smoothing": smoothing}
    loss = ops.cross_entropy(logits, [-100, 1], **options)
    assert loss.item() == pytest.approx(ops.cross_entropy(logits[1:], [1], **options).item())
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.numpy()[0].tolist() == [0, 0]


def test_nan_logits_give_a_nan_loss(device: str) -> None:
    logits = mc.tensor([[np.nan, 0.0]], device=device)
    with np.errstate(invalid="ignore"):
        assert math.isnan(ops.cross_entropy(logits, [1]).item())
        assert math.isnan(ops.nll_loss(logits, [0]).item())
        assert math.isnan(ops.hinge_loss(logits, [1]).item())
        for answer in ([[0.0, 0.0]], [[1.0, 1.0]]):
            assert math.isnan(ops.binary_cross_entropy_with_logits(logits, answer).item())


@given(st.data())
def test_nll_loss_of_log_softmax_is_cross_entropy(device: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    rest = data.draw(st.sampled_from([(), (2,), (2, 3)]))
    logits, target = (
        mc.tensor(rng.normal(0, 3, (3, 4, *rest)), device=device),
        rng.integers(0, 4, (3, *rest)),
    )
    target.flat[0] = 1
    options: Any = {
        "reduction": data.draw(st.sampled_from(["mean", "sum", "none"])),
        "ignore_index": data.draw(st.sampled_from([-100, 0])),
        "weight": data.draw(st.sampled_from([None, rng.uniform(0.5, 2, 4)])),
    }
    got = ops.nll_loss(ops.log_softmax(logits), target, **options)
    np.testing.assert_array_equal(got.numpy(), ops.cross_entropy(logits, target, **options).numpy())


def test_nll_loss_of_certain_and_of_ignored_rows(device: str) -> None:
    log_p = mc.tensor([[0.0, -np.inf], [np.nan, -np.inf]], requires_grad=True, device=device)
    loss = ops.nll_loss(log_p, [0, -100])
    assert loss.item() == 0
    assert mc.grad(loss, log_p)[0].numpy().tolist() == [[-1, 0], [0, 0]]
    assert ops.nll_loss(log_p, [1, -100]).item() == np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30, np.inf])
def test_binary_cross_entropy_far_out(device: str, dtype: str, size: float) -> None:
    """A confident correct prediction costs nothing, a confident wrong one its distance."""
    op = ops.binary_cross_entropy_with_logits
    x = mc.tensor([size, size, -size, -size], dtype, requires_grad=True, device=device)
    losses = op(x, [1.0, 0.0, 0.0, 1.0], "none", pos_weight=2.0)
    assert losses.dtype == dtype
    np.testing.assert_allclose(losses.numpy(), [0, size, 0, 2 * size])
    (g,) = mc.grad(losses, x, np.ones(4, dtype), create_graph=True)
    assert g.numpy().tolist() == [0, 1, 0, -2]
    (second,) = mc.grad(g, x, np.ones(4, dtype))
    assert second.numpy().tolist() == [0, 0, 0, 0]


def test_binary_cross_entropy_weights_and_targets(device: str) -> None:
    op = ops.binary_cross_entropy_with_logits
    x, target = mc.tensor([[0.5, -1.0]], requires_grad=True, device=device), [[1, 0]]
    each = op(x, target, "none").numpy()
    np.testing.assert_allclose(each, np.log1p(np.exp([[-0.5, -1.0]])), rtol=1e-6)
    for same in (
        mc.tensor([[1.0, 0.0]], device=device),
        np.array([[True, False]]),
        mc.tensor([[1, 0]], device=device),
    ):
        assert op(x, same, "none").numpy().tolist() == each.tolist()
    weighted = op(x, target, "sum", weight=[3, 5], pos_weight=[2.0, 7.0]).item()
    assert weighted == pytest.approx(6 * each[0, 0] + 5 * each[0, 1])
    assert op(x, target, weight=2).item() == pytest.approx(each.sum())  # mean: by the elements
    truth = mc.tensor([[0.0, 1.0]], requires_grad=True, device=device)
    (g,) = mc.grad(op(x, truth, "sum"), truth)
    np.testing.assert_allclose(g.numpy(), [[-0.5, 1.0]], rtol=1e-6)  # -x, where t is 0 or 1 too


def test_hinge_loss_by_hand(device: str) -> None:
    x = mc.tensor([[1.0, 1.5, 0.0, -2.0]], requires_grad=True, device=device)  # gaps 1.5, 0, -2
    for p, expected, slope in ((1, 1.5, 1), (2, 2.25, 3)):
        loss = ops.hinge_loss(x, [0], p=p)
        assert loss.item() == expected / 4
        (g,) = mc.grad(loss, x)
        assert g.numpy().tolist() == [[-slope / 4, slope / 4, 0, 0]]
        assert ops.hinge_loss(x, [0], p=p, margin=-1).item() == 0
        assert ops.hinge_loss(x, [0], p=p, weight=[3, 1, 1, 1]).item() == 3 * expected / 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_hinge_loss_far_out(device: str, dtype: str, size: float) -> None:
    x = mc.tensor([[size, 0.0, -np.inf, -size]], dtype, requires_grad=True, device=device)
    for target, expected in (([0], 0), ([1], size / 4), ([3], (2 * size + size) / 4)):
        loss = ops.hinge_loss(x, target)
        assert loss.dtype == dtype
        assert loss.item() == pytest.approx(expected, rel=1e-3)
        (g,) = mc.grad(loss, x)
        assert np.isfinite(g.numpy()).all()


@pytest.mark.parametrize("op", [ops.cross_entropy, ops.nll_loss, ops.hinge_loss])
@pytest.mark.parametrize("kind", ["i1", "u1", "i4", "u8"])
def test_classes_of_every_integer_type(device: str, op: Any, kind: str) -> None:
    x = mc.tensor([[0.5, 1.0], [2.0, 0.0]], device=device)
    assert op(x, np.array([0, 1], kind)).item() == op(x, [0, 1]).item()


@pytest.mark.parametrize("op", [ops.cross_entropy, ops.nll_loss, ops.hinge_loss, ops.accuracy])
def test_classes_may_stay_on_the_cpu(device: str, op: Any) -> None:
    scores = mc.tensor([[0.5, 1.0], [2.0, 0.0]], device=device)
    for target in ([0, 1], np.array([0, 1]), mc.tensor([0, 1])):
        loss = op(scores, target)
        assert loss.device == device
        assert loss.item() == op(scores, mc.tensor([0, 1], device=device)).item()


def test_arrays_and_lists_go_to_the_device_of_the_scores(device: str) -> None:
    scores = mc.tensor([[0.5, 1.0], [2.0, 0.0]], device=device)
    values = [[0.5, 1.0], [0.25, 0.0]]
    there = mc.tensor(values, device=device)
    for op in (ops.cross_entropy, ops.binary_cross_entropy_with_logits):
        for target in (values, np.array(values)):
            loss = op(scores, target, weight=np.array([1.0, 2.0]))
            assert loss.device == device
            expected = op(scores, there, weight=mc.tensor([1.0, 2.0], device=device))
            assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_tensor_of_probabilities_on_another_device_is_refused(device: str) -> None:
    here, there = mc.tensor([[0.5, 1.0]]), mc.tensor([[0.5, 0.5]], device=device)
    for scores, target in ((here, there), (there, here)):
        with two_devices_are_refused(device):
            ops.cross_entropy(scores, target)
        with two_devices_are_refused(device):
            ops.binary_cross_entropy_with_logits(scores, target)


@pytest.mark.parametrize("value", [-0.1, 1.1, 255.0, np.nan, np.inf])
def test_probabilities_outside_of_0_to_1_are_refused(value: float) -> None:
    logits, target = mc.tensor(np.ones((2, 3), np.float32)), np.full((2, 3), 1 / 3, np.float32)
    assert ops.cross_entropy(logits, target + np.float32(1e-4)).item() == pytest.approx(
        1.0989, 1e-3
    )
    target[1, 2] = value
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="^cross_entropy: target holds .*"),
    ):
        ops.cross_entropy(logits, target)

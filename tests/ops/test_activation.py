"""Activations at their extremes, and what is true of them everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops

HUGE = np.array([-1e30, -1e4, -1e2, -0.0, 0.0, 1e2, 1e4, 1e30])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("op", "low", "high"),
    [(ops.sigmoid, 0, 1), (ops.tanh, -1, 1), (ops.relu, 0, np.inf), (ops.softmax, 0, 1)],
)
def test_extremes_without_a_warning(op: Any, low: float, high: float, dtype: str) -> None:
    x = mc.tensor(HUGE[None], dtype, requires_grad=True)
    y = op(x)
    assert y.dtype == dtype
    assert (y.numpy() >= low).all()
    assert (y.numpy() <= high).all()
    (g,) = mc.grad(y.sum(), x, create_graph=True)
    assert g.dtype == dtype
    assert np.isfinite(g.numpy()).all()


def test_infinities() -> None:
    x = mc.tensor([-np.inf, np.inf])
    assert ops.sigmoid(x).numpy().tolist() == [0, 1]
    assert ops.tanh(x).numpy().tolist() == [-1, 1]
    assert ops.relu(x).numpy().tolist() == [0, np.inf]
    assert ops.softmax(mc.tensor([-np.inf, 0.0, 0.0]), 0).numpy().tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize("op", [ops.relu, ops.sigmoid, ops.tanh, lambda x: ops.softmax(x, 0)])
def test_nan_stays_nan(op: Any) -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(op(mc.tensor([np.nan])).item())


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=8), st.booleans())
def test_softmax_is_a_distribution(logits: list[float], wide: bool) -> None:
    x = mc.tensor([logits], "float64" if wide else "float32")
    p = ops.softmax(x)
    assert (p.numpy() >= 0).all()
    assert p.numpy().sum() == pytest.approx(1, abs=1e-6)
    log_p = ops.log_softmax(x).numpy()
    assert (log_p <= 0).all()
    np.testing.assert_allclose(np.exp(log_p), p.numpy(), atol=1e-6)
    shifted = ops.softmax(x.to("float64") + 512.0)
    np.testing.assert_allclose(shifted.numpy(), p.numpy(), atol=1e-5)


@given(st.floats(-80, 80))
def test_sigmoid_is_symmetric_and_precise(x: float) -> None:
    both = ops.sigmoid(mc.tensor([x, -x], "float64")).numpy()
    assert both.sum() == pytest.approx(1)
    assert both[0] == pytest.approx(1 / (1 + np.exp(-x)), rel=1e-12)


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
def test_rows_of_very_different_size_do_not_disturb_each_other(op: Any) -> None:
    rows = np.array([[1e4, 0.0], [0.0, 1.0], [-1e4, -1e4]])
    together = op(mc.tensor(rows)).numpy()
    for row, got in zip(rows, together, strict=True):
        np.testing.assert_allclose(got, op(mc.tensor(row), 0).numpy())
    np.testing.assert_allclose(op(mc.tensor(rows.T), 0).numpy(), together.T)


def test_log_softmax_does_not_underflow() -> None:
    assert ops.log_softmax(mc.tensor([[0.0, -1e4]])).numpy().tolist() == [[0, -1e4]]


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
@pytest.mark.parametrize("axis", [0, -1, 1, -2])
def test_axes(op: Any, axis: int) -> None:
    x = mc.tensor(np.arange(6.0).reshape(2, 3))
    expected = op(mc.tensor(np.moveaxis(x.data, axis, 0)), 0).numpy()
    np.testing.assert_allclose(np.moveaxis(op(x, axis).numpy(), axis, 0), expected)


def test_gradients_at_the_kinks() -> None:
    x = mc.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    for op, expected in (
        (ops.relu, [0, 0, 1]),
        (ops.abs, [-1, 0, 1]),
        (lambda x: ops.clip(x, -1, 1), [1, 1, 1]),
        (lambda x: ops.clip(x, 0), [0, 1, 1]),
        (lambda x: ops.clip(x, high=0), [1, 1, 0]),
        (lambda x: x**0, [0, 0, 0]),
        (lambda x: x**1, [1, 1, 1]),
        (lambda x: x**2, [-2, 0, 2]),
        (lambda x: (x * x) ** mc.tensor([0.0, 0.0, 1.0]), [0, 0, 2]),
    ):
        assert mc.grad(op(x).sum(), x)[0].numpy().tolist() == expected
    p = mc.tensor([2.0], requires_grad=True)
    assert mc.grad((mc.tensor([0.0]) ** p).sum(), p)[0].item() == 0

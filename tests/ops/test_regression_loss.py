"""Distances: targets of every kind, gradients at the kinks, extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

LOSSES = [ops.mse_loss, ops.l1_loss, ops.huber_loss]


@pytest.mark.parametrize("op", LOSSES)
def test_targets_of_every_kind(op: Any) -> None:
    values = [[0.5, 2.0], [-1.0, 0.0]]
    x = mc.tensor([[1.0, 0.0], [3.0, 0.0]], "float32")
    expected = op(x, mc.tensor(values, "float32"))
    assert (expected.dtype, expected.shape) == (np.float32, ())
    for target in (values, np.array(values), mc.tensor(values, "float64")):
        got = op(x, target)
        assert (got.dtype, got.item()) == (np.float32, expected.item())
    assert op(x, [[0, 2], [-1, 0]]).item() == op(x, mc.tensor([[0.0, 2.0], [-1.0, 0.0]])).item()


@pytest.mark.parametrize("op", LOSSES)
def test_gradients_flow_to_the_target_in_its_own_dtype(op: Any) -> None:
    x = mc.tensor([1.0, 2.0], "float32", requires_grad=True)
    target = mc.tensor([0.5, 4.0], "float64", requires_grad=True)
    grad_x, grad_target = mc.grad(op(x, target), [x, target])
    assert (grad_x.dtype, grad_target.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(grad_target.numpy(), -grad_x.numpy())
    assert not op(x.detach(), target.detach()).requires_grad


def test_gradients_at_the_kinks() -> None:
    target = mc.tensor([1.0, 1.0, 1.0, 1.0, 1.0])
    x = mc.tensor([-1.0, 0.0, 1.0, 2.0, 3.0], requires_grad=True)
    for op, expected in (
        (ops.mse_loss, [-4, -2, 0, 2, 4]),
        (ops.l1_loss, [-1, -1, 0, 1, 1]),
        (ops.huber_loss, [-1, -1, 0, 1, 1]),
    ):
        (got,) = mc.grad(op(x, target, "sum"), x)
        assert got.numpy().tolist() == expected


@pytest.mark.parametrize("delta", [0.5, 1.0, 2, np.float32(0.1)])
def test_huber_is_quadratic_then_linear(delta: float) -> None:
    near, far = 0.5 * float(delta), 10 * float(delta)
    x = mc.tensor([near, far, -near, -far], "float64")
    got = ops.huber_loss(x, np.zeros(4), "none", delta).numpy()
    expected = [near**2 / 2, delta * (far - delta / 2)] * 2
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30, np.inf])
def test_distant_targets(dtype: str, size: float) -> None:
    x = mc.tensor([size, -size, 0.0], dtype, requires_grad=True)
    ops_of_any_size = [ops.l1_loss, ops.huber_loss]
    for op in [*ops_of_any_size, *([ops.mse_loss] if size < 1e10 else [])]:
        loss = op(x, [0.0, 0.0, 0.0], "sum")
        assert loss.item() >= size
        (g,) = mc.grad(loss, x, create_graph=True)
        assert g.dtype == dtype
        assert g.numpy()[0] == -g.numpy()[1] > 0
        assert np.isfinite(g.numpy()).all()
        if op is not ops.l1_loss:  # its gradient is constant
            (second,) = mc.grad(g, x, np.ones(3, dtype))
            assert second.dtype == dtype
            assert np.isfinite(second.numpy()).all()


@pytest.mark.parametrize("op", LOSSES)
def test_reductions(op: Any) -> None:
    x, target = mc.tensor([[1.0, 2.0], [4.0, 0.0]]), np.zeros((2, 2))
    each = op(x, target, "none")
    assert each.shape == (2, 2)
    assert op(x, target, "sum").item() == each.numpy().sum()
    assert op(x, target).item() == each.numpy().mean()
    assert op(mc.tensor(3.0), 1.0, "none").shape == ()

"""Activations at their extremes, and properties that hold everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops

HUGE = np.array([-1e30, -1e4, -1e2, -0.0, 0.0, 1e2, 1e4, 1e30])


BETA = 3.0
ALL: dict[str, Any] = {
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "elu": lambda x: ops.elu(x, 1.5),
    "selu": ops.selu,
    "gelu": ops.gelu,
    "gelu tanh": lambda x: ops.gelu(x, "tanh"),
    "silu": ops.silu,
    "softplus": lambda x: ops.softplus(x, BETA),
    "hardtanh": lambda x: ops.hardtanh(x, -2, 3),
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "scaled_tanh": ops.scaled_tanh,
    "softmax": lambda x: ops.softmax(x, 0),
}
SELU, INF = 1.0507009873554805, np.inf
FAR_OUT = {  # the limits at -inf and inf, and the slopes there
    "relu": (0, INF, 0, 1),
    "leaky_relu": (-INF, INF, 0.01, 1),
    "elu": (-1.5, INF, 0, 1),
    "selu": (-SELU * 1.6732632423543772, INF, 0, SELU),
    "gelu": (0, INF, 0, 1),
    "gelu tanh": (0, INF, 0, 1),
    "silu": (0, INF, 0, 1),
    "softplus": (0, INF, 0, 1),
    "hardtanh": (-2, 3, 0, 0),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "scaled_tanh": (-1.7159, 1.7159, 0, 0),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ALL)
def test_extremes_without_a_warning(device: str, name: str, dtype: str) -> None:
    """Results and both gradients are finite, and for upstream gradients of any size."""
    x = mc.tensor(HUGE, dtype, requires_grad=True, device=device)
    for size in (1.0, 1e30):
        y = ALL[name](x)
        seed = mc.tensor(np.full(HUGE.shape, size), dtype, requires_grad=True, device=device)
        (g,) = mc.grad(y, x, seed, create_graph=True)
        of_x, of_seed = mc.grad(g, [x, seed], np.ones(HUGE.shape, dtype), allow_unused=True)
        for z in (y, g, of_x, of_seed):
            assert z is None or (z.dtype == dtype and np.isfinite(z.numpy()).all())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30, INF])
@pytest.mark.parametrize("name", FAR_OUT)
def test_far_out(device: str, name: str, size: float, dtype: str) -> None:
    *limits, slope_below, slope_above = FAR_OUT[name]
    x = mc.tensor([-size, size], dtype, requires_grad=True, device=device)
    y = ALL[name](x)
    lines = (-size * slope_below, size * slope_above) if size < INF else limits
    expected = [line if abs(end) == INF else end for line, end in zip(lines, limits, strict=True)]
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)
    (g,) = mc.grad(y, x, np.ones(2, dtype), create_graph=True)
    np.testing.assert_allclose(g.numpy(), [slope_below, slope_above], rtol=1e-6)
    if g.requires_grad:
        (second,) = mc.grad(g, x, np.ones(2, dtype), allow_unused=True)
        assert second is None or second.numpy().tolist() == [0, 0]


def test_softmax_of_minus_infinity(device: str) -> None:
    assert ops.softmax(mc.tensor([-np.inf, 0.0, 0.0], device=device), 0).numpy().tolist() == [
        0,
        0.5,
        0.5,
    ]


@pytest.mark.parametrize("name", ALL)
def test_nan_stays_nan(device: str, name: str) -> None:
    x = mc.tensor([np.nan], requires_grad=True, device=device)
    with np.errstate(invalid="ignore"):
        assert np.isnan(ALL[name](x).item())


@pytest.mark.parametrize("name", ALL)
def test_dtypes(device: str, name: str) -> None:
    """Floats keep their dtype, also without axes; integers become float32."""
    shape = (1,) if name == "softmax" else ()
    for dtype in ("float32", "float64"):
        x = mc.tensor(np.full(shape, 0.5), dtype, requires_grad=True, device=device)
        y = ALL[name](x)
        (g,) = mc.grad(y, x, np.ones(shape, dtype))
        assert (y.dtype, y.shape, g.dtype) == (dtype, shape, dtype)
    if name not in ("relu", "softmax"):
        integers = mc.tensor([-2, 0, 2], device=device)
        got = ALL[name](integers)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got.numpy(), ALL[name](integers.to("float32")).numpy())


def test_small_numbers_keep_their_digits(device: str) -> None:
    """exp(x) - 1 and log(1 + x) would round them away."""
    x = mc.tensor([-1e-20], "float64", device=device)
    assert ops.elu(x).item() == -1e-20
    assert ops.selu(x).item() == pytest.approx(-SELU * 1.6732632423543772e-20, abs=0)
    assert ops.softplus(mc.tensor([-80.0], "float64", device=device)).item() == pytest.approx(
        np.exp(-80), abs=0
    )


def test_scaled_tanh_maps_one_to_one(device: str) -> None:
    x = mc.tensor([-1.0, 0.0, 1.0], "float64", device=device)
    np.testing.assert_allclose(ops.scaled_tanh(x).numpy(), [-1, 0, 1], atol=1e-4)


def test_gelu_forms_agree(device: str) -> None:
    x = mc.tensor(np.linspace(-10, 10, 2001), device=device)
    apart = ops.gelu(x) - ops.gelu(x, "tanh")
    assert 1e-4 < abs(apart).max().item() < 5e-4


@given(st.floats(-30, 30), st.floats(0.1, 10))
def test_softplus_reflects(device: str, x: float, beta: float) -> None:
    """softplus(x) - softplus(-x) = x, past PyTorch's threshold too."""
    up, down = ops.softplus(mc.tensor([x, -x], "float64", device=device), beta).numpy()
    assert up - down == pytest.approx(x, abs=1e-12)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=8), st.booleans())
def test_softmax_is_a_distribution(device: str, logits: list[float], wide: bool) -> None:
    x = mc.tensor([logits], "float64" if wide else "float32", device=device)
    p = ops.softmax(x)
    assert (p.numpy() >= 0).all()
    assert p.numpy().sum() == pytest.approx(1, abs=1e-6)
    log_p = ops.log_softmax(x).numpy()
    assert (log_p <= 0).all()
    np.testing.assert_allclose(np.exp(log_p), p.numpy(), atol=1e-6)
    shifted = ops.softmax(x.to("float64") + 512.0)
    np.testing.assert_allclose(shifted.numpy(), p.numpy(), atol=1e-5)


@given(st.floats(-80, 80))
def test_sigmoid_is_symmetric_and_precise(device: str, x: float) -> None:
    both = ops.sigmoid(mc.tensor([x, -x], "float64", device=device)).numpy()
    assert both.sum() == pytest.approx(1)
    assert both[0] == pytest.approx(1 / (1 + np.exp(-x)), rel=1e-12)


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
def test_rows_of_very_different_size_do_not_disturb_each_other(device: str, op: Any) -> None:
    rows = np.array([[1e4, 0.0], [0.0, 1.0], [-1e4, -1e4]])
    together = op(mc.tensor(rows, device=device)).numpy()
    for row, got in zip(rows, together, strict=True):
        np.testing.assert_allclose(got, op(mc.tensor(row, device=device), 0).numpy())
    np.testing.assert_allclose(op(mc.tensor(rows.T, device=device), 0).numpy(), together.T)


def test_log_softmax_does_not_underflow(device: str) -> None:
    assert ops.log_softmax(mc.tensor([[0.0, -1e4]], device=device)).numpy().tolist() == [[0, -1e4]]


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
@pytest.mark.parametrize("axis", [0, -1, 1, -2])
def test_axes(device: str, op: Any, axis: int) -> None:
    x = mc.tensor(np.arange(6.0).reshape(2, 3), device=device)
    expected = op(mc.tensor(np.moveaxis(x.numpy(), axis, 0), device=device), 0).numpy()
    np.testing.assert_allclose(np.moveaxis(op(x, axis).numpy(), axis, 0), expected)


def test_gradients_at_the_kinks(device: str) -> None:
    x = mc.tensor([-1.0, 0.0, 1.0], requires_grad=True, device=device)
    for op, expected in (
        (ops.relu, [0, 0, 1]),
        (ops.abs, [-1, 0, 1]),
        (lambda x: ops.clip(x, -1, 1), [1, 1, 1]),
        (lambda x: ops.clip(x, 0), [0, 1, 1]),
        (lambda x: ops.clip(x, high=0), [1, 1, 0]),
        (lambda x: ops.leaky_relu(x, 0.25), [0.25, 0.25, 1]),
        (lambda x: ops.leaky_relu(x, -2), [-2, -2, 1]),
        (lambda x: ops.elu(x, 3)[1:], [0, 3, 1]),
        (ops.hardtanh, [0, 1, 0]),
        (lambda x: ops.hardtanh(x, 0, 2), [0, 0, 1]),
        (lambda x: ops.hardtanh(x / 10, -0.1, 0.1) * 10, [0, 1, 0]),
        (lambda x: x**0, [0, 0, 0]),
        (lambda x: x**1, [1, 1, 1]),
        (lambda x: x**2, [-2, 0, 2]),
        (lambda x: (x * x) ** mc.tensor([0.0, 0.0, 1.0], device=device), [0, 0, 2]),
    ):
        assert mc.grad(op(x).sum(), x)[0].numpy().tolist() == expected
    p = mc.tensor([2.0], requires_grad=True, device=device)
    assert mc.grad((mc.tensor([0.0], device=device) ** p).sum(), p)[0].item() == 0

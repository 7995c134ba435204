"""Pooling by the p-norm: special p, signs, zeros, padding, windows cut short."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops


def image(rows: Any, **options: Any) -> mc.Tensor:
    return mc.tensor(np.array(rows, np.float64)[None, None], **options)


def positive(*size: int, device: str) -> mc.Tensor:
    values = np.random.default_rng(0).uniform(0.5, 2, (2, 3, *size))
    return mc.tensor(values, device=device, requires_grad=True)


def rows_of(y: mc.Tensor) -> Any:
    return y.numpy()[0, 0].tolist()


@pytest.mark.parametrize("p", [1, 1.0, np.float32(1), np.int64(1)])
def test_p_1_is_the_sum(device: str, p: Any) -> None:
    x = image([[1, -2, 3, 4], [-5, -6, 7, 8]], requires_grad=True, device=device)
    y = ops.lp_pool2d(x, p, 2)
    assert rows_of(y) == [[-12, 22]]
    (gradient,) = mc.grad(y.sum(), x)
    assert (gradient.numpy() == 1).all()


def test_p_2_is_the_length(device: str) -> None:
    assert rows_of(ops.lp_pool2d(image([[3, -4], [0, 12]], device=device), 2, 2)) == [[13]]


@pytest.mark.parametrize(("p", "tolerance"), [(20, 0.1), (100, 0.02), (400.5, 0.004)])
def test_a_large_p_is_nearly_the_maximum(device: str, p: float, tolerance: float) -> None:
    x = positive(6, 6, device=device)
    y, largest = ops.lp_pool2d(x, p, 2), ops.max_pool2d(x, 2)
    assert isinstance(largest, mc.Tensor)
    assert (y.numpy() >= largest.numpy() * (1 - 1e-12)).all()
    np.testing.assert_allclose(y.numpy(), largest.numpy(), rtol=tolerance)


@pytest.mark.parametrize("p", [1, 3, 5])
def test_odd_p_keep_the_sign_of_the_sum(device: str, p: int) -> None:
    x = image([[1, -2], [3, -4]], requires_grad=True, device=device)
    y = ops.lp_pool2d(x, p, 2)
    power = 1 + 3**p - 2**p - 4**p
    assert y.item() == pytest.approx(-(abs(power) ** (1 / p)))
    (gradient,) = mc.grad(y.sum(), x, create_graph=True)
    expected = np.array([[1, 2], [3, 4.0]]) ** (p - 1) * abs(power) ** (1 / p - 1)
    np.testing.assert_allclose(gradient.numpy()[0, 0], expected)
    mc.grad(gradient.sum(), x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 2.5, 3, 4])
def test_windows_of_zeros_have_gradient_0(device: str, p: float, dtype: str) -> None:
    """No warning either: NumPy's are errors in these tests."""
    values = np.zeros((1, 1, 2, 4), dtype)
    values[..., 2:] = 1
    x = mc.tensor(values, requires_grad=True, device=device)
    y = ops.lp_pool2d(x, p, 2)
    assert rows_of(y) == [[0, pytest.approx(4 ** (1 / p))]]
    (gradient,) = mc.grad(y.sum(), x, create_graph=True)
    (second,) = mc.grad((gradient * gradient).sum(), x)
    for g in (gradient, second):
        assert not g.numpy()[..., :2].any()
        assert np.isfinite(g.numpy()).all()
        assert g.dtype == dtype
    assert (gradient.numpy()[..., 2:] > 0).all()


@pytest.mark.parametrize("p", [1, 1.5, 2, 2.5, 3])
def test_single_zeros_in_a_window(device: str, p: float) -> None:
    x = image([[0, 3], [4, 0]], requires_grad=True, device=device)
    (gradient,) = mc.grad(ops.lp_pool2d(x, p, 2).sum(), x, create_graph=True)
    norm = (3**p + 4**p) ** (1 / p)
    expected = (np.array([[0, 3], [4, 0.0]]) / norm) ** (p - 1)
    np.testing.assert_allclose(gradient.numpy()[0, 0], expected)
    assert np.isfinite(mc.grad(gradient.sum(), x)[0].numpy()).all()


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("valid", [[2.0]]),
        (0, [[2.0]]),
        ("same", [[2, 2**0.5], [2**0.5, 1]]),
        ((1, 0), [[2**0.5], [2**0.5]]),
        (((1, 0), (0, 1)), [[2**0.5, 1], [2, 2**0.5]]),
    ],
)
def test_padding_holds_zeros(device: str, padding: Any, expected: Any) -> None:
    x = image([[1, 1], [1, 1]], device=device)
    stride = 2 if padding == (1, 0) else 1
    y = ops.lp_pool2d(x, 2, 2, stride, padding=padding)
    np.testing.assert_allclose(y.numpy()[0, 0], expected)


@pytest.mark.parametrize("padding", [0, 1, "same", (1, 0), ((1, 0), (0, 1))])
def test_padding_is_that_of_pad2d(device: str, padding: Any) -> None:
    x = positive(6, 6, device=device)
    sides = ((1, 1), (1, 1)) if padding == "same" else padding
    expected = ops.lp_pool2d(ops.pad2d(x, sides), 3, 3, 1)
    y = ops.lp_pool2d(x, 3, 3, 1, padding=padding)
    np.testing.assert_allclose(y.numpy(), expected.numpy())


def test_windows_cut_short_count_as_whole_ones(device: str) -> None:
    """Kernel size over the pixels there are times their powers, as PyTorch has it."""
    y = ops.lp_pool2d(image(np.ones((3, 3)), device=device), 2, 2, ceil_mode=True)
    assert rows_of(y) == [[2, 2], [2, 2]]
    y = ops.lp_pool2d(image([[1, 2, 3]], device=device), 1, (1, 2), ceil_mode=True)
    assert rows_of(y) == [[3, 6]]
    assert ops.lp_pool2d(image([[1, 2, 3]], device=device), 1, (1, 2)).shape == (1, 1, 1, 1)


@pytest.mark.torch
@pytest.mark.parametrize("p", [1, 2, 3, 2.5])
def test_ceil_mode_is_pytorchs(device: str, p: float, torch: Any) -> None:
    x = positive(5, 7, device=device)
    theirs = torch.nn.functional.lp_pool2d(torch.tensor(x.numpy()), p, (2, 3), 2, ceil_mode=True)
    np.testing.assert_allclose(
        ops.lp_pool2d(x, p, (2, 3), 2, ceil_mode=True).numpy(), theirs.numpy(), rtol=1e-12
    )

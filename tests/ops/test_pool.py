"""Maximum, minimum and mean pooling: ties, NaN, infinities, indices, divisors, padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.testing import gradcheck, gradgradcheck, strategies

POOLS = [ops.max_pool2d, ops.min_pool2d, ops.avg_pool2d]
EXTREMES = [(ops.max_pool2d, 1), (ops.min_pool2d, -1)]
"""Each with the sign that turns the images for the maximum into its own."""
both = pytest.mark.parametrize(("pool", "sign"), EXTREMES, ids=["max", "min"])


def image(rows: Any, **options: Any) -> mc.Tensor:
    return mc.tensor(np.array(rows, np.float64)[None, None], **options)


@both
@pytest.mark.parametrize("value", [0.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kernel", [2, (2, 3), 4])
def test_ties_give_the_gradient_only_to_the_first_pixel(
    device: str, pool: Any, sign: int, value: float, kernel: Any
) -> None:
    x = image(np.full((4, 6), sign * value), requires_grad=True, device=device)
    y = pool(x, kernel)
    y.sum().backward()
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    expected = np.zeros((4, 6))
    expected[: 4 // kh * kh : kh, : 6 // kw * kw : kw] = 1
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy()[0, 0], expected)
    np.testing.assert_array_equal(y.numpy(), np.full(y.shape, sign * value))


@both
def test_gradients_of_overlapping_windows_add_up(device: str, pool: Any, sign: int) -> None:
    x = image(sign * np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]]), requires_grad=True, device=device)
    pool(x, 2, 1).sum().backward()
    assert x.grad is not None
    assert x.grad.numpy()[0, 0].tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]


@both
def test_padding_never_wins(device: str, pool: Any, sign: int) -> None:
    """It counts as -inf, or +inf for the minimum, and real pixels of that value still win."""
    x = image(sign * np.array([[-5.0, -6.0], [-7.0, -8.0]]), device=device)
    assert (sign * pool(x, 2, 1, padding=1).numpy()[0, 0]).tolist() == [
        [-5, -5, -6],
        [-5, -5, -6],
        [-7, -7, -8],
    ]
    x = image(np.full((2, 2), -sign * np.inf), requires_grad=True, device=device)
    y, indices = pool(x, 2, 1, padding=1, return_indices=True)
    assert (y.numpy() == -sign * np.inf).all()
    assert indices.numpy()[0, 0].tolist() == [[0, 0, 1], [0, 0, 1], [2, 2, 3]]
    (gradient,) = mc.grad(y, x, np.ones(y.shape))
    assert gradient.numpy()[0, 0].tolist() == [[4, 2], [2, 1]]


@both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_wins_over_everything(device: str, pool: Any, sign: int, dtype: str) -> None:
    x = image(sign * np.array([[1, np.nan, np.inf, 2], [3, 4, 5, -np.inf]]), device=device).to(
        dtype
    )
    answer = lambda kernel: sign * pool(x, kernel).numpy()[0, 0]  # noqa: E731
    np.testing.assert_array_equal(answer(2), [[np.nan, np.inf]])
    np.testing.assert_array_equal(answer((2, 1)), [[3, np.nan, np.inf, 2]])


@both
def test_the_first_nan_of_a_window_wins(device: str, pool: Any, sign: int) -> None:
    x = image(
        [[1, 2, sign * np.inf], [4, np.nan, 6], [np.nan, 8, np.nan]],
        requires_grad=True,
        device=device,
    )
    y, indices = pool(x, 3, return_indices=True)
    assert np.isnan(y.item())
    assert indices.item() == 4
    (gradient,) = mc.grad(y.sum(), x)
    assert gradient.numpy()[0, 0].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@both
def test_infinite_gradients_reach_only_the_winner(device: str, pool: Any, sign: int) -> None:
    x = image(sign * np.array([[1, 2], [3, 4]]), requires_grad=True, device=device)
    pool(x, 2).backward(np.full((1, 1, 1, 1), np.inf))
    assert x.grad is not None
    assert x.grad.numpy()[0, 0].tolist() == [[0, 0], [0, np.inf]]


@given(strategies.pool2d_cases(distinct=False))
def test_the_minimum_is_the_maximum_of_the_negative(device: str, case: Any) -> None:
    x, kernel, options = moved(device, case)
    y, indices = ops.min_pool2d(x, kernel, **options, return_indices=True)
    mirrored, expected = ops.max_pool2d(-x, kernel, **options, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), -mirrored.numpy())
    np.testing.assert_array_equal(indices.numpy(), expected.numpy())


@both
@given(case=strategies.pool2d_cases(distinct=False))
def test_indices_name_the_winners(device: str, pool: Any, sign: int, case: Any) -> None:
    x, kernel, options = moved(device, case)
    y, indices = pool(x, kernel, **options, return_indices=True)
    assert (indices.dtype, indices.shape) == (np.int64, y.shape)
    assert not indices.requires_grad
    n, c = x.shape[:2]
    flat, at = x.numpy().reshape(n, c, -1), indices.numpy().reshape(n, c, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, at, 2), y.numpy().reshape(n, c, -1))
    (gradient,) = mc.grad(y.sum(), x)
    expected = np.zeros(flat.shape)
    for i, j in np.ndindex(n, c):
        np.add.at(expected[i, j], at[i, j], 1)
    np.testing.assert_array_equal(gradient.numpy().reshape(expected.shape), expected)


@given(strategies.pool2d_cases(dilation=False))
def test_averages_of_ones(device: str, case: Any) -> None:
    """A mean over only the pixels is 1; one that counts padding is 1 only where there is none."""
    x, kernel, options = moved(device, case)
    ones = mc.tensor(np.ones(x.shape), device=device)
    assert (ops.avg_pool2d(ones, kernel, **options, count_include_pad=False).numpy() == 1).all()
    y = ops.avg_pool2d(ones, kernel, **options).numpy()
    assert (y > 0).all()
    assert (y <= 1).all()
    if options["padding"] in (0, "valid"):
        assert (y == 1).all()


def test_divisor_of_ceil_mode_and_padding(device: str) -> None:
    ones = image(np.ones((3, 3)), device=device)
    pool = lambda **o: ops.avg_pool2d(ones, 2, 2, ceil_mode=True, **o).numpy()[0, 0]  # noqa: E731
    assert pool().tolist() == [[1, 1], [1, 1]]
    assert pool(divisor_override=4).tolist() == [[1, 0.5], [0.5, 0.25]]
    assert pool(padding=1).tolist() == [[0.25, 0.5], [0.5, 1]]
    assert pool(padding=1, count_include_pad=False).tolist() == [[1, 1], [1, 1]]


def test_stride_defaults_to_the_kernel() -> None:
    x = image(np.arange(36.0).reshape(6, 6))
    for pool in POOLS:
        assert pool(x, (2, 3)).shape == (1, 1, 3, 2)
        assert pool(x, (2, 3), stride=1).shape == (1, 1, 5, 4)


@pytest.mark.parametrize("pool", POOLS)
def test_windows_without_a_pixel_are_refused(pool: Any) -> None:
    x = image(np.ones((3, 3)))
    for padding in (2, ((0, 2), (0, 0)), (0, 3)):
        with pytest.raises(ValueError, match=r"some windows of size 2 hold no pixel of the 3x3"):
            pool(x, 2, 1, padding)
    with pytest.raises(ValueError, match="5x5 kernel does not fit.*padded input is 3x3"):
        pool(x, 5)


def test_zero_is_not_a_divisor() -> None:
    with pytest.raises(ValueError, match="divisor_override: got 0, expected another number"):
        ops.avg_pool2d(image(np.ones((2, 2))), 2, divisor_override=0)


def test_third_derivatives(device: str) -> None:
    """Scatter and gather are each other's gradients, however often they alternate."""
    x = image(np.arange(16.0).reshape(4, 4), requires_grad=True, device=device)
    (winners,) = mc.grad(ops.max_pool2d(x, 2).sum(), x)
    for op, expected in (
        (ops.max_pool2d, 6 * winners.numpy()),
        (ops.min_pool2d, 6 * winners.numpy()[:, :, ::-1, ::-1]),
        (ops.avg_pool2d, 6 / 4),
    ):
        y = op(x, 2) ** 3
        for _ in range(3):
            (y,) = mc.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.numpy(), np.broadcast_to(expected, x.shape))


def test_a_window_as_large_as_the_padded_image(device: str) -> None:
    x = image(np.arange(6.0).reshape(2, 3), requires_grad=True, device=device)
    assert ops.max_pool2d(x, (4, 5), padding=1).item() == 5
    assert ops.min_pool2d(x, (4, 5), padding=1).item() == 0
    assert ops.avg_pool2d(x, (4, 5), padding=1).item() == pytest.approx(15 / 20)
    for op in POOLS:
        assert gradcheck(lambda x, op=op: op(x, (4, 5), padding=1), x)
        assert gradgradcheck(lambda x, op=op: op(x, (4, 5), padding=1) ** 2, x)

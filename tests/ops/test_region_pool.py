"""Global and adaptive pooling: shapes, single pixels, ties, NaN, regions that share pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

GLOBAL = [
    (ops.global_max_pool2d, np.max),
    (ops.global_min_pool2d, np.min),
    (ops.global_avg_pool2d, np.mean),
]
ADAPTIVE = [(ops.adaptive_avg_pool2d, np.mean), (ops.adaptive_max_pool2d, np.max)]
whole = pytest.mark.parametrize(("pool", "oracle"), GLOBAL, ids=["max", "min", "avg"])
adaptive = pytest.mark.parametrize(("pool", "oracle"), ADAPTIVE, ids=["avg", "max"])


def images(*shape: int, dtype: Any = np.float64, device: str) -> mc.Tensor:
    values = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    return mc.tensor(values, device=device, requires_grad=True)


@whole
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 1, 1), (0, 3, 4, 5), (2, 0, 4, 5)])
def test_global_pools(device: str, pool: Any, oracle: Any, shape: Any, dtype: str) -> None:
    x = images(*shape, dtype=dtype, device=device)
    y, with_axes = pool(x), pool(x, keepdim=True)
    assert (y.shape, with_axes.shape) == (shape[:2], (*shape[:2], 1, 1))
    assert y.dtype == with_axes.dtype == dtype
    np.testing.assert_array_equal(y.numpy(), with_axes.numpy()[:, :, 0, 0])
    np.testing.assert_allclose(y.numpy(), oracle(x.numpy(), axis=(2, 3)), rtol=1e-5)
    (gradient,) = mc.grad(y.sum(), x)
    assert (gradient.shape, gradient.dtype) == (shape, dtype)
    np.testing.assert_allclose(gradient.numpy().sum((2, 3)), np.ones(shape[:2]), rtol=1e-5)


@pytest.mark.parametrize("pool", [ops.global_max_pool2d, ops.global_min_pool2d])
@pytest.mark.parametrize("value", [0.0, np.inf, -np.inf, np.nan])
def test_the_first_of_equal_pixels_takes_the_gradient(device: str, pool: Any, value: float) -> None:
    x = mc.tensor(np.full((1, 2, 3, 3), value), requires_grad=True, device=device)
    y = pool(x)
    np.testing.assert_array_equal(y.numpy(), [[value, value]])
    (gradient,) = mc.grad(y, x, np.ones((1, 2)))
    assert gradient.numpy()[0].tolist() == [[[1, 0, 0], [0, 0, 0], [0, 0, 0]]] * 2


@pytest.mark.parametrize(
    "pool", [ops.global_max_pool2d, ops.global_min_pool2d, ops.global_avg_pool2d]
)
def test_nan_wins_over_everything(device: str, pool: Any) -> None:
    x = mc.tensor(np.array([[[[1, np.nan], [np.inf, np.nan]]]]), requires_grad=True, device=device)
    assert np.isnan(pool(x).item())
    if pool is not ops.global_avg_pool2d:
        assert mc.grad(pool(x).sum(), x)[0].numpy()[0, 0].tolist() == [[0, 1], [0, 0]]


def regions(x: np.ndarray, size: tuple[int, int], oracle: Any) -> np.ndarray:
    y = np.empty((*x.shape[:2], *size))
    for i, j in np.ndindex(*size):
        (top, left), (bottom, right) = (
            [i * x.shape[2] // size[0], j * x.shape[3] // size[1]],
            [math.ceil((i + 1) * x.shape[2] / size[0]), math.ceil((j + 1) * x.shape[3] / size[1])],
        )
        y[:, :, i, j] = oracle(x[:, :, top:bottom, left:right], axis=(2, 3))
    return y


@adaptive
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, (1, 1)),
        ((1, 1), (1, 1)),
        ((6, 5), (6, 5)),
        ((None, None), (6, 5)),
        ((None, 2), (6, 2)),
        ([3, None], (3, 5)),
        (np.int64(4), (4, 4)),
        ((4, 3), (4, 3)),
        (7, (7, 7)),
        ((13, 1), (13, 1)),
        (60, (60, 60)),
    ],
)
def test_adaptive_pools(
    device: str, pool: Any, oracle: Any, size: Any, expected: Any, dtype: str
) -> None:
    x = images(2, 3, 6, 5, dtype=dtype, device=device)
    y = pool(x, size)
    assert (y.shape, y.dtype) == ((2, 3, *expected), dtype)
    np.testing.assert_allclose(y.numpy(), regions(x.numpy(), expected, oracle), rtol=1e-4)
    (gradient,) = mc.grad(y.sum(), x)
    assert gradient.dtype == dtype
    total = np.full((2, 3), expected[0] * expected[1])
    np.testing.assert_allclose(gradient.numpy().sum((2, 3)), total, rtol=1e-4)


@adaptive
def test_one_region_is_a_global_pool(device: str, pool: Any, oracle: Any) -> None:
    x = images(2, 3, 6, 5, device=device)
    np.testing.assert_allclose(pool(x, 1).numpy(), oracle(x.numpy(), axis=(2, 3), keepdims=True))


@adaptive
def test_a_single_pixel_fills_any_size(device: str, pool: Any, oracle: Any) -> None:
    x = images(2, 3, 1, 1, device=device)
    y = pool(x, (300, 200))
    assert (y.numpy() == x.numpy()).all()
    assert (mc.grad(y.sum(), x)[0].numpy() == 300 * 200).all()


@adaptive
def test_no_images(device: str, pool: Any, oracle: Any) -> None:
    for shape in ((0, 3, 6, 5), (2, 0, 6, 5)):
        x = images(*shape, device=device)
        y = pool(x, (4, 3))
        assert y.shape == (*shape[:2], 4, 3)
        assert mc.grad(y.sum(), x)[0].shape == shape


def test_fill_never_wins(device: str) -> None:
    """Shorter regions are filled up with -inf, which loses to the pixels even if they are -inf."""
    x = mc.tensor(np.full((1, 1, 3, 3), -np.inf), requires_grad=True, device=device)
    y = ops.adaptive_max_pool2d(x, 2)
    assert (y.numpy() == -np.inf).all()
    (gradient,) = mc.grad(y, x, np.ones(y.shape))
    assert gradient.numpy()[0, 0].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_shared_pixels_add_their_gradients(device: str) -> None:
    x = mc.tensor(np.arange(9.0).reshape(1, 1, 3, 3), requires_grad=True, device=device)
    (gradient,) = mc.grad(ops.adaptive_avg_pool2d(x, 2).sum() * 4, x)
    assert gradient.numpy()[0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    (gradient,) = mc.grad(ops.adaptive_max_pool2d(ops.neg(x), 2).sum(), x)
    assert gradient.numpy()[0, 0].tolist() == [[-1, -1, 0], [-1, -1, 0], [0, 0, 0]]

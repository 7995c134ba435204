"""Unpooling: where values go, sizes, and indices that occur twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.testing import gradcheck, gradgradcheck
from minicnn.testing.strategies import in_order


def image(rows: Any, dtype: Any = np.float64, device: str = "cpu") -> mc.Tensor:
    return mc.tensor(np.array(rows, dtype)[None, None], device=device, requires_grad=True)


def places(rows: Any, dtype: Any = np.int64, device: str = "cpu") -> mc.Tensor:
    return mc.tensor(np.array(rows, dtype)[None, None], device=device)


@pytest.mark.parametrize("pool", [ops.max_pool2d, ops.min_pool2d])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(2, None, 0), ((2, 3), None, "valid"), (3, None, ((1, 2), (0, 0))), (3, 4, (1, 0))],
)
def test_winners_come_back_and_the_rest_is_0(
    device: str, pool: Any, kernel: Any, stride: Any, padding: Any
) -> None:
    values = np.random.default_rng(0).permutation(2 * 3 * 6 * 6) + 1.0
    x = mc.tensor(values.reshape(2, 3, 6, 6), device=device)
    y, indices = pool(x, kernel, stride, padding, return_indices=True)
    back = ops.max_unpool2d(y, indices, kernel, stride, padding, output_size=(6, 6))
    won = np.zeros((2, 3, 36), bool)
    np.put_along_axis(won, indices.numpy().reshape(2, 3, -1), True, 2)
    np.testing.assert_array_equal(back.numpy(), np.where(won.reshape(x.shape), x.numpy(), 0))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((2,), (4, 6)),
        (((3, 1),), (6, 3)),
        ((3, 1), (4, 5)),
        ((3, (2, 1)), (5, 5)),
        ((3, 2, 1), (3, 5)),
        ((3, 3, (1, 0)), (4, 9)),
        ((3, 3, ((1, 0), (0, 2))), (5, 7)),
        ((2, None, 0, 5), (5, 5)),
        ((2, None, 0, [5, 7]), (5, 7)),
        ((2, None, 0, (3, np.int64(5))), (3, 5)),
        ((2, None, 0, (1, 1, 5, 7)), (5, 7)),
        ((3, 4, 1, (2, 12)), (2, 12)),
        ((3, 4, 1, (8, 6)), (8, 6)),
    ],
)
def test_sizes(arguments: Any, expected: tuple[int, int]) -> None:
    x, at = image([[1, 2, 3], [4, 5, 6]]), places([[0, 1, 2], [3, 4, 5]])
    y = ops.max_unpool2d(x, at, *arguments)
    assert y.shape == (1, 1, *expected)
    assert y.numpy().ravel()[:6].tolist() == [1, 2, 3, 4, 5, 6]
    assert not y.numpy().ravel()[6:].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2, 0, (9, 9)), r"got \(9, 9\), .* the height must be from 4 to 6: 5, .* stride 2"),
        ((3, 2, 0, (1, 1, 3, 6)), r"got \(1, 1, 3, 6\), .* the height must be from 4 to 6: 5, "),
        ((3, 2, 0, (2, 3, 5, 6)), r"got \(2, 3, 5, 6\), expected \(1, 1\) images and channels"),
        ((3, 2, 0, (5, 9)), r"got \(5, 9\), .* the width must be from 6 to 8: 7, "),
        ((3, 2, 0, 7), r"got 7, .* the height must be from 4 to 6: 5, "),
        ((1, None, 0, (2, 4)), r"got \(2, 4\), .* the width must be from 3 to 3: 3, .* stride 1"),
        ((1, 3, 0, (8, 7)), r"got \(8, 7\), .* the height must be from 2 to 6: 4, .* stride 3"),
    ],
)
def test_sizes_that_cannot_be(arguments: Any, message: str) -> None:
    x, at = image([[1, 2, 3], [4, 5, 6]]), places([[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ValueError, match=f"max_unpool2d: output_size: {message}"):
        ops.max_unpool2d(x, at, *arguments)


def test_the_shape_of_the_image_as_the_output_size() -> None:
    x = image(np.random.default_rng(0).permutation(36).reshape(6, 6))
    y, indices = ops.max_pool2d(x, 3, 2, return_indices=True)
    assert ops.max_unpool2d(y, indices, 3, 2, output_size=x.shape).shape == x.shape
    layer = mc.nn.MaxUnpool2d(3, 2)
    assert layer(y, indices, output_size=x.shape).shape == x.shape
    assert layer(y, indices).shape == (1, 1, 5, 5)


@pytest.mark.parametrize("order", ["batch-last", "C", "strided"])
def test_the_last_of_several_values_wins_and_takes_the_gradient(device: str, order: str) -> None:
    x = image([[1, np.inf, 3], [4, 5, 6]], device=device)
    at = moved(device, mc.Tensor(in_order(places([[7, 7, 2], [7, 2, 0]]).numpy(), order)))
    y = ops.max_unpool2d(x, at, 1, (2, 1))
    assert y.numpy()[0, 0].tolist() == [[6, 0, 5], [0, 0, 0], [0, 4, 0]]
    seed = np.arange(10.0, 19).reshape(1, 1, 3, 3)
    seed[0, 0, 0, 1] = np.inf  # of a pixel that nothing was put into
    (gradient,) = mc.grad(y, x, seed)
    assert gradient.numpy()[0, 0].tolist() == [[0, 0, 0], [17, 12, 10]]


def test_gradients_with_indices_that_occur_twice(device: str) -> None:
    rng = np.random.default_rng(0)
    x = mc.tensor(rng.standard_normal((2, 3, 4, 3)), requires_grad=True, device=device)
    at = mc.tensor(rng.integers(0, 9, x.shape), device=device)
    unpool = lambda x: ops.max_unpool2d(x, at, 1)  # noqa: E731
    assert gradcheck(unpool, x)
    assert gradgradcheck(lambda x: unpool(x) ** 3, x)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_indices_of_any_integer_type(device: str, dtype: str) -> None:
    x = image([[1, 2], [3, 4]], np.float32, device=device)
    y = ops.max_unpool2d(x, places([[100, 0], [7, 99]], dtype, device=device), 2, 28)
    assert y.dtype == np.float32
    assert y.numpy().ravel()[[100, 0, 7, 99]].tolist() == [1, 2, 3, 4]
    assert y.numpy().sum() == 10


def test_indices_get_no_gradient_and_are_not_written_to() -> None:
    x, at = image([[1, 2], [3, 4]]), places([[0, 0], [1, 1]])
    for value in (x, at):
        value.data.flags.writeable = False
    (gradient,) = mc.grad(ops.max_unpool2d(x, at, 2).sum(), x)
    assert gradient.numpy()[0, 0].tolist() == [[0, 1], [0, 1]]

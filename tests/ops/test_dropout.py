"""Dropout: how much is dropped, what stays, and that a seed says which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.testing.strategies import in_order

Op = Callable[..., mc.Tensor]
OPS = [ops.dropout, ops.dropout2d]
ops_ = pytest.mark.parametrize("op", OPS)


def ones(*shape: int, dtype: Any = np.float32, device: str = "cpu") -> mc.Tensor:
    return mc.tensor(np.ones(shape, dtype), device=device, requires_grad=True)


@ops_
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_fraction_p_is_dropped_and_the_mean_stays(device: str, op: Op, p: float) -> None:
    shape = (100, 100, 1, 1) if op is ops.dropout2d else (100, 100)
    y = op(ones(*shape, device=device), p).numpy()
    deviation = (p * (1 - p) / y.size) ** 0.5  # of the fraction that is dropped
    assert abs((y == 0).mean() - p) < 4 * deviation
    assert abs(y.mean() - 1) < 4 * deviation / (1 - p)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)


def test_elements_are_dropped_independently(device: str) -> None:
    dropped = ops.dropout(ones(40, 10, 5, 5, device=device)).numpy() == 0
    for axis in range(4):
        rest = tuple(a for a in range(4) if a != axis)
        assert (np.abs(dropped.mean(rest) - 0.5) < 0.2).all()
        neighbours = dropped.swapaxes(0, axis)
        assert abs((neighbours[1:] == neighbours[:-1]).mean() - 0.5) < 0.05


@ops_
def test_nothing_is_dropped_with_p_0_or_out_of_training(device: str, op: Op) -> None:
    x = ones(2, 3, 4, 4, device=device)
    assert op(x, 0.0) is x
    assert op(x, 0.5, training=False) is x
    assert op(x, 1.0, training=False) is x


@ops_
@pytest.mark.parametrize("value", [1.0, np.inf, np.nan])
def test_everything_is_dropped_with_p_1(device: str, op: Op, value: float) -> None:
    x = mc.tensor(np.full((2, 3, 4, 4), value, np.float32), requires_grad=True, device=device)
    y = op(x, 1.0)
    (gradient,) = mc.grad(y, x, np.full(x.shape, 7))
    assert not y.numpy().any()
    assert not gradient.numpy().any()


@ops_
@pytest.mark.parametrize("order", ["batch-last", "C", "strided"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_seed_drops_the_same_on_every_device_in_every_memory_order_and_dtype(
    device: str, op: Op, order: str, dtype: str
) -> None:
    values = np.random.default_rng(0).uniform(1, 2, (3, 4, 5, 6)).astype(dtype)
    mc.manual_seed(7)
    expected = op(ones(3, 4, 5, 6)).numpy() != 0  # on the CPU
    mc.manual_seed(7)
    y = op(moved(device, mc.Tensor(in_order(values, order))))
    np.testing.assert_array_equal(y.numpy(), np.where(expected, values * 2, 0))
    assert y.dtype == dtype


@ops_
def test_calls_differ_and_the_seed_repeats_them(device: str, op: Op) -> None:
    def calls() -> list[Any]:
        mc.manual_seed(3)
        return [op(ones(8, 8, 2, 2, device=device)).numpy() for _ in range(3)]

    first, again = calls(), calls()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])


def test_evaluation_draws_no_numbers(device: str) -> None:
    mc.manual_seed(0)
    ops.dropout(ones(4, 4, device=device), training=False)
    ops.dropout(ones(4, 4, device=device), 0.0)
    y = ops.dropout(ones(4, 4, device=device)).numpy()
    mc.manual_seed(0)
    np.testing.assert_array_equal(y, ops.dropout(ones(4, 4, device=device)).numpy())


def test_maps_are_dropped_as_a_whole(device: str) -> None:
    y = ops.dropout2d(ones(30, 30, 3, 4, device=device)).numpy()
    assert (y == y[:, :, :1, :1]).all()
    dropped = y[:, :, 0, 0] == 0
    assert 0.3 < dropped.mean() < 0.7
    for axis in (0, 1):  # neither whole images, nor the same channel of all
        assert (np.abs(dropped.mean(axis) - 0.5) < 0.45).all()


@ops_
@pytest.mark.parametrize("p", [0.25, 0.5])
def test_the_gradient_is_dropped_and_scaled_alike(device: str, op: Op, p: float) -> None:
    x = mc.tensor(
        np.random.default_rng(0).uniform(1, 2, (3, 4, 5, 6)), requires_grad=True, device=device
    )
    y = op(x, p)
    factors = np.where(y.numpy() != 0, 1 / (1 - p), 0)
    np.testing.assert_allclose(y.numpy(), x.numpy() * factors, rtol=1e-15)
    seed = mc.tensor(
        np.random.default_rng(1).standard_normal(x.shape), requires_grad=True, device=device
    )
    (gradient,) = mc.grad(y, x, seed, create_graph=True)
    np.testing.assert_allclose(gradient.numpy(), seed.numpy() * factors, rtol=1e-15)
    (second,) = mc.grad(gradient.sum(), seed)
    np.testing.assert_allclose(second.numpy(), factors, rtol=1e-15)


@ops_
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_dropped_infinities_are_0(device: str, op: Op, value: float) -> None:
    x = mc.tensor(np.full((8, 8, 2, 2), value), requires_grad=True, device=device)
    mc.manual_seed(1)
    kept = op(mc.tensor(np.ones(x.shape), device=device)).numpy() != 0
    mc.manual_seed(1)
    y = op(x)
    np.testing.assert_array_equal(y.numpy(), np.where(kept, value, 0))
    (gradient,) = mc.grad(y, x, np.full(x.shape, np.inf))
    np.testing.assert_array_equal(gradient.numpy(), np.where(kept, np.inf, 0))


@pytest.mark.parametrize("shape", [(), (0,), (5,), (0, 3), (2, 0, 4), (2, 3, 4, 5, 6)])
def test_any_shape(device: str, shape: tuple[int, ...]) -> None:
    y = ops.dropout(ones(*shape, device=device))
    assert (y.shape, y.dtype) == (shape, np.float32)
    assert set(np.unique(y.numpy())) <= {0, 2}


def test_the_input_is_not_written_to() -> None:
    x = ones(4, 3, 2, 2)
    x.data.flags.writeable = False
    for op in OPS:
        op(x)
    assert x.numpy().all()

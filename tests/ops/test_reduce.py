"""Reductions: ties, NaN, axes, empty arrays, and integers of every width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.testing.strategies import in_order

TIES = np.array([[1.0, 3.0, 3.0], [3.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (None, [[0, 1, 0], [0, 0, 0]]),
        (0, [[0, 1, 1], [1, 0, 0]]),
        (1, [[0, 1, 0], [1, 0, 0]]),
        ((0, 1), [[0, 1, 0], [0, 0, 0]]),
        ((1, 0), [[0, 1, 0], [0, 0, 0]]),
        ((-1, -2), [[0, 1, 0], [0, 0, 0]]),
        ((), [[1, 1, 1], [1, 1, 1]]),
    ],
)
def test_the_first_of_equal_elements_takes_the_gradient(
    device: str, axis: Any, expected: Any
) -> None:
    ties = mc.tensor(TIES, device=device, requires_grad=True)
    for x, op in ((ties, ops.max), (-ties, ops.min)):
        (g,) = mc.grad(op(x, axis).sum(), x)
        assert g.numpy().tolist() == expected


@pytest.mark.parametrize("order", ["C", "F", "batch-last"])
@pytest.mark.parametrize("axis", [None, 0, 1, (2, 3), (0, 2), (3, 1), ()])
def test_the_gradient_has_the_memory_order_of_its_input(device: str, axis: Any, order: str) -> None:
    values = np.random.default_rng(0).integers(0, 3, (3, 4, 2, 5)) * 1.0
    x = moved(device, mc.Tensor(in_order(values, order), requires_grad=True))
    for op, find in ((ops.max, np.argmax), (ops.min, np.argmin)):
        (g,) = mc.grad(op(x, axis).sum(), x)
        axes = range(4) if axis is None else np.atleast_1d(axis).astype(int)
        rows = np.moveaxis(values, sorted(axes), range(-len(axes), 0))  # (kept axes, reduced axes)
        rows = rows.reshape(*rows.shape[: 4 - len(axes)], -1)
        first = np.zeros(rows.shape)
        np.put_along_axis(first, find(rows, -1)[..., None], 1, -1)
        got = np.moveaxis(g.numpy(), sorted(axes), range(-len(axes), 0))
        np.testing.assert_array_equal(got.reshape(rows.shape), first)
        if device == "cpu" or order == "batch-last":  # elsewhere results are always batch-last
            assert g.data.strides == x.data.strides


def test_the_gradient_of_no_maxima(device: str) -> None:
    x = mc.tensor(np.zeros((0, 3)), requires_grad=True, device=device)
    assert mc.grad(ops.max(x, 1).sum(), x)[0].shape == (0, 3)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, np.int64(1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_where_the_largest_is(device: str, name: str, axis: Any, order: str) -> None:
    for values in (
        [[1.0, 3.0, 3.0], [3.0, 2.0, 1.0]],
        [[1.0, np.nan, 3.0], [np.nan, np.nan, 1.0]],
        [[2, 2, 1], [1, 2, 2]],
        [[True, False, True], [False, False, True]],
    ):
        x = moved(device, mc.Tensor(np.array(values, order=order)))
        x.requires_grad = x.dtype.kind == "f"
        for keepdim in (False, True):
            got = getattr(ops, name)(x, axis, keepdim)
            expected = getattr(np, name)(np.array(values), axis, keepdims=keepdim)
            np.testing.assert_array_equal(got.numpy(), expected)
            assert (got.shape, got.dtype) == (expected.shape, np.int64)
            assert not got.requires_grad
        method = getattr(x, name)(axis=axis)
        np.testing.assert_array_equal(method.numpy(), getattr(ops, name)(x, axis).numpy())


def test_the_first_of_a_tensor_without_axes(device: str) -> None:
    for keepdim in (False, True):
        assert ops.argmax(mc.tensor(3.0, device=device), keepdim=keepdim).shape == ()
    assert ops.argmin(mc.tensor(np.zeros((0, 3)), device=device), 1).shape == (0,)


@pytest.mark.torch
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_argmax_as_in_torch(device: str, torch: Any, axis: Any) -> None:
    x = np.random.default_rng(0).standard_normal((4, 5))
    for keepdim in (False, True):
        for name in ("argmax", "argmin"):
            got = getattr(ops, name)(mc.tensor(x, device=device), axis, keepdim)
            expected = getattr(torch, name)(torch.tensor(x), axis, keepdim).numpy()
            np.testing.assert_array_equal(got.numpy(), expected)
            assert (got.shape, got.dtype) == (expected.shape, expected.dtype)


def test_nan_wins(device: str) -> None:
    x = mc.tensor([1.0, np.nan, 3.0], device=device)
    assert np.isnan(ops.max(x).item())
    assert np.isnan(ops.min(x).item())


@pytest.mark.parametrize("dtype", ["u1", "i1", "i8", "u8", "?"])
@pytest.mark.parametrize("name", ["max", "min", "sum"])
def test_integers_of_every_width(device: str, name: str, dtype: str) -> None:
    x = np.array([[0, 1, 2], [1, 0, 1]]).astype(dtype)
    if np.dtype(dtype).kind != "b":
        x[0, 1] = np.iinfo(dtype).min
        x[1, 1] = np.iinfo(dtype).max // 2
    got = getattr(ops, name)(mc.tensor(x, device=device), 1)
    np.testing.assert_array_equal(got.numpy(), getattr(x, name)(1))
    if name != "sum":
        assert got.dtype == x.dtype


def test_sums_of_nothing(device: str) -> None:
    assert ops.sum(mc.tensor(np.zeros((0, 3)), device=device)).item() == 0
    assert ops.sum(mc.tensor(np.zeros((0, 3)), device=device), 0).numpy().tolist() == [0, 0, 0]
    x = mc.tensor(np.zeros((0, 3)), requires_grad=True, device=device)
    ops.sum(x).backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("name", ["max", "min", "mean", "var"])
def test_nothing_to_reduce(name: str) -> None:
    op = getattr(ops, name)
    empty = mc.tensor(np.zeros((2, 0)))
    for axis in (None, 1):
        with pytest.raises(ValueError, match=r"0 elements to reduce in shape \(2, 0\)"):
            op(empty, axis)
    if name != "var":
        assert op(empty, 0).shape == (0,)


def test_var_needs_more_elements_than_its_correction(device: str) -> None:
    one = mc.tensor([[1.0], [2.0]], device=device)
    with pytest.raises(ValueError, match=r"var: 1 elements to reduce in shape .*, 2 are needed"):
        ops.var(one, 1)
    assert ops.var(one, 1, correction=0).numpy().tolist() == [0, 0]
    assert ops.var(one).item() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="3 are needed"):
        ops.var(one, correction=2)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var"])
@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (2, r"axis: got 2, but shape \(2, 3\) has 2 axes"),
        (-3, "axis: got -3"),
        ((0, 5), "axis: got 5"),
        ((0, 0), "expected each axis once"),
        ((1, -1), "expected each axis once"),
        ("a", "axis: got 'a'"),
        (1.0, "axis: got 1.0"),
    ],
)
def test_wrong_axes(name: str, axis: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(ops, name)(mc.tensor(TIES), axis)


def test_scalars(device: str) -> None:
    x = mc.tensor(3.0, requires_grad=True, device=device)
    for op in (ops.sum, ops.mean, ops.max, ops.min):
        assert mc.grad(op(x), x)[0].item() == 1
        assert op(x, ()).item() == 3

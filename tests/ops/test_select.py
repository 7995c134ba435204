"""where, maximum and minimum: ties, NaN, dtypes, and what must not leak from the other branch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.devices import two_devices_are_refused

import minicnn as mc
from minicnn import ops

A = np.array([1.0, 2.0, np.nan, 3.0, np.nan, -np.inf, np.inf])
B = np.array([1.0, 3.0, 1.0, np.nan, np.nan, -np.inf, 0.0])


def leaf(x: Any, device: str = "cpu") -> mc.Tensor:
    return mc.tensor(x, device=device, requires_grad=True)


def test_where_keeps_the_other_side_out(device: str) -> None:
    x = leaf([4.0, 0.0, -1.0], device=device)
    grad = np.array([1.0, np.inf, np.nan], "f4")
    (g,) = mc.grad(ops.where(x > 0, x, 0.0), x, grad)
    assert g.numpy().tolist() == [1, 0, 0]
    a, b = leaf([np.inf, 1.0], device=device), leaf([2.0, np.nan], device=device)
    y = ops.where([False, True], a, b)
    assert y.numpy().tolist() == [2, 1]
    assert [g.numpy().tolist() for g in mc.grad(y.sum(), [a, b])] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("condition", [[True, False], np.array([True, False])], ids=type)
def test_other_arguments_go_to_the_device_of_the_tensor(device: str, condition: Any) -> None:
    x, there = mc.tensor([1.0, 2.0], device=device), mc.tensor(condition, device=device)
    for y, expected in (
        (ops.where(condition, x, 5.0), [1, 5]),
        (ops.where(condition, np.array([7.0, 8.0]), x), [7, 2]),
        (ops.where(there, 3.0, np.array([7.0, 8.0])), [3, 8]),
        (ops.where(there, [1, 2], 0), [1, 0]),
        (ops.maximum(np.array([0.0, 9.0]), x), [1, 9]),
        (ops.minimum(x, [5.0, 0.0]), [1, 0]),
    ):
        assert (y.device, y.numpy().tolist()) == (device, expected)


def test_tensors_on_two_devices_are_refused(device: str) -> None:
    x, there = mc.tensor([1.0, 2.0]), mc.tensor([1.0, 2.0], device=device)
    for call in (
        lambda: ops.where([True, False], x, there),
        lambda: ops.where(there > 0, there, x),
        lambda: ops.maximum(x, there),
        lambda: ops.minimum(there, x),
    ):
        with two_devices_are_refused(device):
            call()


def test_where_sums_the_gradients_of_what_was_broadcast(device: str) -> None:
    a, b = leaf(1.0, device=device), leaf([[1.0], [2.0]], device=device)
    y = ops.where(np.array([True, False, True]), a, b)
    assert y.numpy().tolist() == [[1, 1, 1], [1, 2, 1]]
    grads = mc.grad(y, [a, b], np.array([[1, 2, 4], [8, 16, 32]], "f4"))
    assert [g.numpy().tolist() for g in grads] == [45, [[2], [16]]]


@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        (1.0, 2.0, "f4"),
        (1, 2.0, "f4"),
        (1, 2, "i8"),
        (True, False, "?"),
        (mc.tensor([1.0, 2.0]), 2.5, "f4"),
        (2.5, mc.tensor([1, 2]), "f4"),
        (mc.tensor(np.ones(2)), mc.tensor([1.0, 2.0]), "f8"),
        (np.ones(2), 0.0, "f8"),
        (mc.tensor(np.ones(2, "i2")), 3, "i2"),
    ],
)
def test_where_dtypes(a: Any, b: Any, dtype: str) -> None:
    for condition in ([True, False], mc.tensor([True, False]), np.array([True, False])):
        y = ops.where(condition, a, b)
        assert y.dtype == dtype
        assert [float(y[0]), float(y[1])] == [np.ravel(a)[0], np.ravel(b)[-1]]
    assert ops.where(True, mc.tensor(1.0), 2.0).item() == 1


@pytest.mark.parametrize(
    ("op", "oracle", "first", "second"),
    [
        (ops.maximum, np.maximum, [2, 0, 4, 4, 4, 2, 4], [2, 4, 4, 4, 4, 2, 0]),
        (ops.minimum, np.minimum, [2, 4, 4, 4, 4, 2, 0], [2, 0, 4, 4, 4, 2, 4]),
    ],
)
def test_ties_share_the_gradient_and_nan_wins(
    device: str, op: Any, oracle: Any, first: Any, second: Any
) -> None:
    a, b = leaf(A, device=device), leaf(B, device=device)
    y = op(a, b)
    np.testing.assert_array_equal(y.numpy(), oracle(A, B))
    grads = mc.grad(y, [a, b], np.full(7, 4.0))
    assert [g.numpy().tolist() for g in grads] == [first, second]


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum])
def test_maximum_dtypes(device: str, op: Any) -> None:
    x = mc.tensor([1, 5], device=device)
    assert op(x, 3).dtype == np.int64
    assert op(x, 2.5).dtype == np.float32
    assert op(2.5, mc.tensor([1.0], device=device)).dtype == np.float32
    assert (
        op(mc.tensor([1.0], device=device), mc.tensor(np.ones(1), device=device)).dtype
        == np.float64
    )
    assert op(x, np.array([3, 3])).numpy().tolist() == ([3, 5] if op is ops.maximum else [1, 3])
    grads = mc.grad(op(leaf([1.0], device=device), y := leaf(np.ones(1), device=device)).sum(), y)
    assert grads[0].dtype == np.float64


def test_clip_passes_the_gradient_at_its_limits(device: str) -> None:
    x = leaf([-2.0, -1.0, 0.0, 2.0, 3.0], device=device)
    for low, high, expected in ((-1, 2, [0, 1, 1, 1, 0]), (None, 2.0, [1, 1, 1, 1, 0])):
        (g,) = mc.grad(x.clip(low, high), x, np.full(5, 1.0, "f4"))
        assert g.numpy().tolist() == expected


def test_batch_last_stays(device: str) -> None:
    x = np.ones((2, 3, 4, 5)).transpose(3, 0, 1, 2)
    a, b = leaf(x, device=device), leaf(2 * x, device=device)
    for y in (ops.maximum(a, b), ops.where(a > b, a, b)):
        for result in (y, *mc.grad(y, [a, b], np.ones_like(y.numpy()))):
            assert result.data.transpose(1, 2, 3, 0).flags.c_contiguous


@pytest.mark.torch
@pytest.mark.parametrize("name", ["maximum", "minimum", "where"])
def test_as_in_torch(device: str, torch: Any, name: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-2, 3, (3, 1, 4)) * 1.0, rng.integers(-2, 3, (5, 1)) * 1.0
    a[0, 0, 0] = np.nan
    condition = rng.random((5, 4)) < 0.5
    mine, theirs = (
        [leaf(a, device=device), leaf(b, device=device)],
        [torch.tensor(x, requires_grad=True) for x in (a, b)],
    )
    if name == "where":
        y, z = ops.where(condition, *mine), torch.where(torch.tensor(condition), *theirs)
    else:
        y, z = getattr(ops, name)(*mine), getattr(torch, name)(*theirs)
    np.testing.assert_array_equal(y.numpy(), z.detach().numpy())
    v = rng.standard_normal(y.shape)
    w, u = leaf(v, device=device), torch.tensor(v, requires_grad=True)
    first = mc.grad(y, mine, w, create_graph=True)
    expected = torch.autograd.grad(z, theirs, u, create_graph=True)
    for g, e in zip(first, expected, strict=True):
        np.testing.assert_allclose(g.numpy(), e.detach().numpy(), rtol=1e-12)
    (second,) = mc.grad([(g * g).sum() for g in first], w)
    (other,) = torch.autograd.grad(sum((e * e).sum() for e in expected), u)
    np.testing.assert_allclose(second.numpy(), other.numpy(), rtol=1e-12)

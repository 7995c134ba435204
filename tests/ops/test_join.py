"""concatenate, stack and split: dtypes, memory, pieces without elements, round trips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

T = mc.tensor


def leaf(*shape: int, seed: int = 0, device: str = "cpu") -> mc.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return T(values, device=device, requires_grad=True)


def is_batch_last(x: mc.Tensor) -> bool:
    return bool(x.data.transpose(1, 2, 3, 0).flags.c_contiguous)


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("f4", "f8"), "f8"),
        (("i8", "f4"), "f4"),
        (("?", "i8", "f4"), "f4"),
        (("f2", "i8"), "f2"),
        (("i2", "i8"), "i8"),
        (("?", "u1"), "u1"),
        (("f4",), "f4"),
    ],
)
@pytest.mark.parametrize("op", [ops.concatenate, ops.stack])
def test_dtypes(device: str, op: Any, dtypes: tuple[str, ...], expected: str) -> None:
    tensors = [T(np.array([i, 1]).astype(dtype), device=device) for i, dtype in enumerate(dtypes)]
    y = op(tensors)
    assert y.dtype == expected
    assert y.numpy().ravel().tolist() == [float(v) for t in tensors for v in t.numpy()]


def test_each_gradient_has_the_dtype_of_its_tensor(device: str) -> None:
    a, b = (T(np.ones(2, dtype), requires_grad=True, device=device) for dtype in ("f4", "f8"))
    grads = mc.grad(ops.concatenate((a, b)).sum(), [a, b])
    assert [g.dtype for g in grads] == ["f4", "f8"]


def test_integers_joined_with_a_leaf(device: str) -> None:
    x = leaf(2, device=device)
    (g,) = mc.grad(
        (
            ops.concatenate([T([1, 2], device=device), x, x]) * T([1, 2, 3, 4, 5, 6], device=device)
        ).sum(),
        x,
    )
    assert g.numpy().tolist() == [8, 10]


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_batch_last_stays(device: str, axis: int) -> None:
    values = leaf(3, 4, 5, 2).data.transpose(3, 0, 1, 2)
    images = [T(values, device=device, requires_grad=True) for _ in range(2)]
    y = ops.concatenate(images, axis)
    assert is_batch_last(y)
    for g in mc.grad(ops.relu(y), images, np.ones(y.shape), create_graph=True):
        assert g.shape == images[0].shape
    assert is_batch_last(ops.relu(y))


def test_pieces_are_views() -> None:
    x = leaf(4, 6)
    for pieces in (x.split(4, axis=1), ops.split(x, [1, 0, 5], -1), ops.split(x, 3)):
        assert all(np.shares_memory(p.data, x.data) for p in pieces if p.size)


@pytest.mark.parametrize(
    ("sizes", "axis", "lengths"),
    [
        (2, 0, [2, 2, 1]),
        (5, 0, [5]),
        (9, 0, [5]),
        (1, 0, [1] * 5),
        (np.int64(3), -2, [3, 2]),
        ([0, 5, 0], 0, [0, 5, 0]),
        ((2, 3), 0, [2, 3]),
        (2, 1, [0]),
        ([0], 1, [0]),
        ([], 1, []),
    ],
)
def test_lengths_of_pieces(sizes: Any, axis: int, lengths: list[int]) -> None:
    pieces = ops.split(T(np.zeros((5, 0))), sizes, axis)
    assert isinstance(pieces, tuple)
    assert [p.shape[axis] for p in pieces] == lengths


def test_splitting_and_joining_again(device: str) -> None:
    x = leaf(3, 7, device=device)
    y = ops.concatenate(ops.split(x, 3, 1), 1)
    np.testing.assert_array_equal(y.numpy(), x.numpy())
    np.testing.assert_array_equal(ops.stack(list(x), 0).numpy(), x.numpy())
    np.testing.assert_array_equal(ops.stack(list(x), 1).numpy(), x.numpy().T)
    (g,) = mc.grad((y * y).sum(), x)
    np.testing.assert_allclose(g.numpy(), 2 * x.numpy())


def test_the_same_tensor_twice(device: str) -> None:
    x = leaf(2, device=device)
    for op in (ops.concatenate, ops.stack):
        (g,) = mc.grad((op([x, x]) * op([x, x])).sum(), x)
        np.testing.assert_allclose(g.numpy(), 4 * x.numpy())


@pytest.mark.torch
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_as_in_torch(device: str, torch: Any, axis: int) -> None:
    mine = [leaf(2, 3, 4, seed=i, device=device) for i in range(3)]
    theirs = [torch.tensor(x.numpy(), requires_grad=True) for x in mine]
    pairs = [
        (ops.concatenate(mine, axis), torch.cat(theirs, axis)),
        (ops.stack(mine, axis), torch.stack(theirs, axis)),
        *zip(ops.split(mine[0], 2, axis), torch.split(theirs[0], 2, axis), strict=True),
    ]
    for y, z in pairs:
        np.testing.assert_array_equal(y.numpy(), z.detach().numpy())
        used = len(mine) if y.size > 24 else 1
        first = mc.grad((y * y * y).sum(), mine[:used], create_graph=True)
        expected = torch.autograd.grad((z * z * z).sum(), theirs[:used], create_graph=True)
        for x, t, g, e in zip(mine, theirs, first, expected, strict=False):
            np.testing.assert_allclose(g.numpy(), e.detach().numpy(), rtol=1e-12)
            second = mc.grad((g * g).sum(), x, create_graph=True)[0]
            other = torch.autograd.grad((e * e).sum(), t, retain_graph=True)[0]
            np.testing.assert_allclose(second.numpy(), other.numpy(), rtol=1e-12)

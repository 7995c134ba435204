"""Indexing: every kind of index compared with NumPy, with first and second gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.backend import on_device_of
from minicnn.testing import gradcheck, gradgradcheck

X = np.random.default_rng(0).standard_normal((3, 4, 2))
INDICES: list[Any] = [
    1, -1, np.int64(2), np.uint8(1), None, ..., True, np.bool_(False),
    np.s_[1:, ::2], np.s_[::-1], np.s_[:, ::-2], np.s_[..., 0], np.s_[None, 1, :, None], np.s_[3:],
    np.s_[0, 1, 1], np.s_[np.int64(1) :], (),
    [0, 0, 1], [-1, 2], [], np.array([], int), np.array(1), np.array([[0, 1], [1, 1]]), range(2),
    np.s_[[0, 0], [1, 1]], np.s_[[0, 1], 1:3], np.s_[1:, [0, 0, 3]], np.s_[:, [1, 1], None],
    np.s_[[[0], [2]], [1, 1]], np.s_[0, ..., [1, 1]], np.s_[..., [0, 1, 0]], ((0, 0),),
    X > 0, X[:, 0, 0] > 0, np.s_[:, X[0, :, 0] > 0], [True, False, True], X > 9,
    np.s_[[True, False, True], [1, 1]], np.s_[1, X[1] > 0], np.s_[X[:, 0, 0] > 0, 1:, None],
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=lambda i: repr(i)[:20])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_and_gradients(device: str, index: Any, order: str) -> None:
    x = moved(device, mc.Tensor(np.array(X, order=order), requires_grad=True))
    expected = X[index]
    np.testing.assert_array_equal(x[index].numpy(), expected)
    weights = np.random.default_rng(1).standard_normal(np.shape(expected))
    total = np.zeros(X.shape)
    np.add.at(total, index, weights)
    (g,) = mc.grad(x[index], x, weights)
    np.testing.assert_allclose(g.numpy(), total, rtol=1e-12)
    if np.size(expected):
        assert gradcheck(lambda x: x[index] * x[index], [x])
        assert gradgradcheck(lambda x: x[index] * x[index], [x])


def test_tensors_as_indices(device: str) -> None:
    x = mc.tensor(X, requires_grad=True, device=device)
    places = mc.tensor([2, 0, 2], device=device)
    np.testing.assert_array_equal(x[places].numpy(), X[[2, 0, 2]])
    np.testing.assert_array_equal(x[:, places].numpy(), X[:, [2, 0, 2]])
    np.testing.assert_array_equal(x[x > 0].numpy(), X[X > 0])
    np.testing.assert_array_equal(x[mc.tensor(1, device=device)].numpy(), X[1])
    np.testing.assert_array_equal(x[x[:, 0, 0].argmax()].numpy(), X[X[:, 0, 0].argmax()])
    (g,) = mc.grad(x[places].sum(), x)
    np.testing.assert_array_equal(g.numpy()[:, 0, 0], [1, 0, 2])


def test_an_index_may_change_after_the_call(device: str) -> None:
    x = mc.tensor(X, requires_grad=True, device=device)
    for index in (np.array([0, 1]), mc.tensor([0, 1], device=device), X[:, 0, 0] > 9):
        y = x[index].sum()
        (before,) = mc.grad(x[index].sum(), x)
        array = index.data if isinstance(index, mc.Tensor) else index
        with on_device_of(array):
            array[...] = 1
        np.testing.assert_array_equal(mc.grad(y, x)[0].numpy(), before.numpy())


def test_writing_goes_through_the_array() -> None:
    x = mc.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match="tensors are immutable"):
        x[0] = 5.0
    with pytest.raises(TypeError, match="tensors are immutable"):
        x[0] += 5.0
    x.data[0] = 5.0
    assert x.numpy().tolist() == [5, 2]
    assert ops.where([True, False], 7.0, x).numpy().tolist() == [7, 2]


@pytest.mark.torch
@pytest.mark.parametrize(
    "index", [np.s_[1:, ::2], None, np.s_[..., 0], [0, 0, 1], X > 0, np.s_[[0, 0], [1, 1]]], ids=str
)
def test_as_in_torch(device: str, torch: Any, index: Any) -> None:
    x, t = mc.tensor(X, requires_grad=True, device=device), torch.tensor(X, requires_grad=True)
    y, z = x[index], t[torch.tensor(index) if isinstance(index, np.ndarray) else index]
    np.testing.assert_array_equal(y.numpy(), z.detach().numpy())
    (g,) = mc.grad((y * y * y).sum(), x, create_graph=True)
    (e,) = torch.autograd.grad((z * z * z).sum(), t, create_graph=True)
    np.testing.assert_allclose(g.numpy(), e.detach().numpy(), rtol=1e-12)
    second, other = mc.grad((g * g).sum(), x)[0], torch.autograd.grad((e * e).sum(), t)[0]
    np.testing.assert_allclose(second.numpy(), other.numpy(), rtol=1e-12)

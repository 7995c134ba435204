"""einsum: every kind of equation compared with PyTorch, dtypes, and gradients that stay finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

EQUATIONS: list[tuple[str, list[tuple[int, ...]]]] = [
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ba", [(2, 3)]),
    ("ii->", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iii", [(2, 2, 2)]),
    ("ijij->ji", [(2, 3, 2, 3)]),
    ("i->", [(3,)]),
    ("->", [()]),
    (",->", [(), ()]),
    ("ij,kl->il", [(2, 3), (4, 5)]),
    ("i,i,i", [(3,)] * 3),
    ("Ab,bA", [(2, 3), (3, 2)]),
    ("bi,bj,bk->bijk", [(2, 3), (2, 2), (2, 3)]),
    ("...ij,...jk->...ik", [(5, 1, 2, 3), (4, 3, 2)]),
    ("i...,i...", [(2, 3), (2, 1)]),
    ("...,...", [(1, 3), (2, 1)]),
    ("i...->i", [(2, 3, 4)]),
    ("...i->...", [(2, 3, 4)]),
    ("...", [(2, 3)]),
    ("iij,j...", [(2, 2, 3), (3, 2, 2)]),
    ("nchw,oc->nohw", [(2, 3, 2, 2), (4, 3)]),
]


def leaf(*shape: int, seed: int = 0, device: str = "cpu") -> mc.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return mc.tensor(values, device=device, requires_grad=True)


@pytest.mark.torch
@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_as_in_torch(device: str, torch: Any, equation: str, shapes: list[tuple[int, ...]]) -> None:
    mine = [leaf(*shape, seed=i, device=device) for i, shape in enumerate(shapes)]
    theirs = [torch.tensor(x.numpy(), requires_grad=True) for x in mine]
    y, z = ops.einsum(equation, *mine), torch.einsum(equation, *theirs)
    assert y.shape == tuple(z.shape)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
    first = mc.grad((y * y).sum(), mine, create_graph=True)
    expected = torch.autograd.grad((z * z).sum(), theirs, create_graph=True)
    for g, e in zip(first, expected, strict=True):
        np.testing.assert_allclose(g.numpy(), e.detach().numpy(), rtol=1e-9, atol=1e-12)
    second = mc.grad([(g * g).sum() for g in first], mine)
    others = torch.autograd.grad(sum((e * e).sum() for e in expected), theirs)
    for g, e in zip(second, others, strict=True):
        np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=1e-9, atol=1e-9)


def test_dtypes(device: str) -> None:
    a, b = mc.tensor([1.0, 2.0], requires_grad=True, device=device), leaf(2, device=device)
    y = ops.einsum("i,i", a, b)
    assert y.dtype == np.float64
    assert [g.dtype for g in mc.grad(y, [a, b])] == ["f4", "f8"]
    assert ops.einsum("i,i", a, mc.tensor([3, 4], device=device)).dtype == np.float32
    counts = ops.einsum("ij->j", mc.tensor([[1, 2], [3, 4]], device=device))
    assert (counts.dtype, counts.numpy().tolist()) == (np.int64, [4, 6])


def test_an_infinite_gradient_stays_on_the_diagonal(device: str) -> None:
    x = leaf(2, 2, device=device)
    (g,) = mc.grad(ops.einsum("ii->i", x), x, np.array([np.inf, 1.0]))
    assert g.numpy().tolist() == [[np.inf, 0], [0, 1]]


def test_only_what_is_asked_for_is_computed() -> None:
    a, b = leaf(2, 3), leaf(3, 2).detach()
    y = ops.einsum("ij,jk->ik", a, b)
    assert y.function is not None
    grads = y.function.backward(mc.tensor(np.ones((2, 2))))
    assert grads[1] is None


def test_axes_without_elements(device: str) -> None:
    a, b = (
        mc.tensor(np.zeros((2, 0)), requires_grad=True, device=device),
        mc.tensor(np.zeros((0, 3)), device=device),
    )
    y = ops.einsum("ij,jk->ik", a, b)
    assert y.numpy().tolist() == np.zeros((2, 3)).tolist()
    assert mc.grad(y.sum(), a)[0].shape == (2, 0)


def test_inputs_are_not_written_to() -> None:
    x = leaf(3, 3)
    x.data.flags.writeable = False
    mc.grad(ops.einsum("ii->i", x), x, np.ones(3), create_graph=True)


def test_many_axes() -> None:
    x = leaf(*[1] * 30)
    assert ops.einsum("...->...", x).shape == x.shape

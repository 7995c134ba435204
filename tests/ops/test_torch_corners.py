"""Where floats end, in PyTorch: NaN, infinity and signed zeros, empty batches, crops that wrap.

Where the two differ the difference is listed here, and in docs/differences-from-pytorch.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

torch = pytest.importorskip("torch", reason="torch is not installed")
F = torch.nn.functional
pytestmark = pytest.mark.torch

SPECIAL = [np.nan, 0.0, -0.0, 1.0, -1.0, 0.3, -0.3, 2.5, -2.5, 1e30, -1e30, np.inf, -np.inf]

UNARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "abs": (ops.abs, torch.abs),
    "relu": (ops.relu, F.relu),
    "leaky_relu": (ops.leaky_relu, F.leaky_relu),
    "elu": (lambda x: ops.elu(x, 0.5), lambda x: F.elu(x, 0.5)),
    "selu": (ops.selu, F.selu),
    "hardtanh": (ops.hardtanh, F.hardtanh),
    "clip": (lambda x: ops.clip(x, -1, 1), lambda x: torch.clip(x, -1, 1)),
    "clip below": (lambda x: ops.clip(x, 0), lambda x: torch.clip(x, 0)),
    "sigmoid": (ops.sigmoid, torch.sigmoid),
    "tanh": (ops.tanh, torch.tanh),
    "softplus": (ops.softplus, F.softplus),
    "sqrt": (ops.sqrt, torch.sqrt),
    "exp": (ops.exp, torch.exp),
    "log": (ops.log, torch.log),
    "square": (lambda x: x**2, lambda x: x**2),
    "inverse": (lambda x: x**-1, lambda x: x**-1),
    "no power": (lambda x: x**0, lambda x: x**0),
    "silu": (ops.silu, F.silu),
    "gelu": (ops.gelu, F.gelu),
    "gelu, tanh": (lambda x: ops.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "l1_loss": (
        lambda x: ops.l1_loss(x, np.zeros(x.shape), "none"),
        lambda x: F.l1_loss(x, torch.zeros_like(x), reduction="none"),
    ),
    "huber_loss": (
        lambda x: ops.huber_loss(x, np.zeros(x.shape), "none"),
        lambda x: F.huber_loss(x, torch.zeros_like(x), reduction="none"),
    ),
}
LIMITS = ("silu", "gelu", "gelu, tanh")
"""Where PyTorch multiplies infinity by 0, which is NaN, and here the result is the limit."""


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("repeats", [1, 40])  # PyTorch has loops of vectors, too
def test_special_numbers(name: str, dtype: Any, repeats: int) -> None:
    ours, theirs = UNARY[name]
    for number in SPECIAL:
        if repeats > 1 and np.isnan(number) and name in ("elu", "selu", "hardtanh"):
            continue  # for a few elements the gradient of PyTorch is 1, for many NaN or 0
        x = np.full(repeats, number, dtype)
        mine, other = mc.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        with np.errstate(all="ignore"):
            y, z = ours(mine), theirs(other)
            (grad,) = mc.grad(y, mine, np.full(repeats, 2, dtype))
        (expected,) = torch.autograd.grad(z, other, torch.full_like(other, 2))
        for a, b in ((y.data, z.detach().numpy()), (grad.data, expected.numpy())):
            if name in LIMITS and np.isnan(b).all() and not np.isnan(number):
                b = np.full_like(b, 2 if number > 0 else 0)
            np.testing.assert_allclose(a, b, rtol=1e-5, err_msg=str(number))


@pytest.mark.parametrize("op", ["maximum", "minimum"])
@pytest.mark.parametrize("numbers", list(itertools.product(SPECIAL, repeat=2)))
def test_the_larger_and_the_smaller(op: str, numbers: Any) -> None:
    compare_pair(getattr(ops, op), getattr(torch, op), numbers)


BASES = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("numbers", list(itertools.product(BASES, repeat=2)))
def test_a_power_and_its_exponent(numbers: Any) -> None:
    if numbers == (-np.inf, 0.5):
        pytest.skip("a square root, NaN, in NumPy, and an infinite power in PyTorch")
    compare_pair(ops.pow, torch.pow, numbers)


def compare_pair(ours: Any, theirs: Any, numbers: Any) -> None:
    mine = [mc.tensor(np.float64(x), requires_grad=True) for x in numbers]
    other = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    with np.errstate(all="ignore"):
        y, z = ours(*mine), theirs(*other)
        grads = mc.grad(y, mine)
    expected = torch.autograd.grad(z, other)
    for a, b in zip([y, *grads], [z, *expected], strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-12)


MODES = {"circular": "circular", "reflect": "reflect", "replicate": "replicate",
         "zeros": "constant"}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pair", list(itertools.product(range(-4, 6), repeat=2)))
def test_padding_and_cropping_one_axis(mode: str, pair: tuple[int, int]) -> None:
    x = np.arange(1.0, 11).reshape(1, 1, 2, 5)
    mine, other = mc.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    kept = 5 + min(pair[0], 0) + min(pair[1], 0)
    fits = {"circular": kept, "reflect": 4}.get(mode, 5) >= max(pair)
    if 5 + sum(pair) < 1 or (mode == "circular" and kept < 1) or not fits:
        with pytest.raises(ValueError, match="pad2d: padding: "):
            ops.pad2d(mine, ((0, 0), pair), mode)
        return
    y = ops.pad2d(mine, ((0, 0), pair), mode)
    z = F.pad(other, (*pair, 0, 0), mode=MODES[mode])
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    v = np.random.default_rng(0).standard_normal(y.shape)
    (grad,) = mc.grad(y, mine, v)
    (expected,) = torch.autograd.grad(z, other, torch.tensor(v))
    np.testing.assert_allclose(grad.data, expected.numpy(), rtol=1e-12)


PAIRS = {"mse_loss": F.mse_loss, "l1_loss": F.l1_loss, "huber_loss": F.huber_loss,
         "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits}  # fmt: skip
CLASSES = {"cross_entropy": F.cross_entropy, "nll_loss": F.nll_loss}


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 4)])
@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_an_empty_batch(name: str, shape: Any, reduction: str) -> None:
    x = np.zeros(shape)
    check_empty(
        lambda x: getattr(ops, name)(x, np.zeros(shape), reduction),
        lambda x: PAIRS[name](x, torch.zeros(shape, dtype=torch.float64), reduction=reduction),
        x,
    )


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("rest", [(), (4,)])
@pytest.mark.parametrize("weight", [None, np.ones(3)])
@pytest.mark.parametrize("name", CLASSES)
def test_class_losses_of_an_empty_batch(name: str, weight: Any, rest: Any, reduction: str) -> None:
    target = np.zeros((0, *rest), int)
    theirs = None if weight is None else torch.tensor(weight)
    check_empty(
        lambda x: getattr(ops, name)(x, target, reduction, weight=weight),
        lambda x: CLASSES[name](x, torch.tensor(target), theirs, reduction=reduction),
        np.zeros((0, 3, *rest)),
    )


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("target", [np.zeros((0, 3)), np.zeros(0, int)])
def test_smoothed_targets_of_an_empty_batch(target: Any, reduction: str) -> None:
    smoothed = {"reduction": reduction, "label_smoothing": 0.1}
    check_empty(
        lambda x: ops.cross_entropy(x, target, **smoothed),
        lambda x: F.cross_entropy(x, torch.tensor(target), **smoothed),
        np.zeros((0, 3)),
    )


@pytest.mark.parametrize(("reduction", "y"), [("none", []), ("sum", 0.0), ("mean", np.nan)])
def test_hinge_loss_of_an_empty_batch(reduction: str, y: Any) -> None:
    """PyTorch's mean and sum are numbers that it never wrote."""
    loss = ops.hinge_loss(mc.tensor(np.zeros((0, 3))), np.zeros(0, int), reduction)
    np.testing.assert_array_equal(loss.data, y)


def check_empty(ours: Any, theirs: Any, x: Any) -> None:
    mine, other = mc.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(mine), theirs(other)
    np.testing.assert_array_equal(y.data, z.detach().numpy(), strict=True)
    y.sum().backward()
    assert mine.grad is not None
    assert mine.grad.shape == x.shape

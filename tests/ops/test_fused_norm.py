"""The fused gradients of normalisation: against compositions of ops, in how many launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import nn, ops
from minicnn.backend import DeviceError, resolve_device
from minicnn.backend.cuda import launch
from minicnn.backend.emulator.array import EmulatorArray
from minicnn.testing import gradcheck, gradgradcheck
from minicnn.testing.strategies import in_order

EPS = 1e-3
Norm = Callable[..., mc.Tensor]


def composed(axes: tuple[int, ...], channels: bool) -> Norm:
    """Batch or layer norm made of elementwise ops and means."""

    def norm(x: mc.Tensor, *affine: mc.Tensor) -> mc.Tensor:
        deviation = x - ops.mean(x, axes, True)
        y = deviation / ops.sqrt(ops.mean(deviation * deviation, axes, True) + EPS)
        shape = (1, -1, *[1] * (x.ndim - 2))
        weight, bias = ([a.reshape(*shape) for a in affine] if channels else affine) or (1.0, 0.0)
        return y * weight + bias

    return norm


def composed_response_norm(x: mc.Tensor) -> mc.Tensor:
    squares = x * x
    base = [
        1.5 + 0.3 * sum(squares[:, k] for k in range(max(0, c - 1), min(x.shape[1], c + 2)))
        for c in range(x.shape[1])
    ]
    return x / ops.stack(base, 1) ** 0.75


def batch_norm(x: mc.Tensor, *affine: mc.Tensor) -> mc.Tensor:
    return ops.batch_norm(x, None, None, *affine, training=True, eps=EPS)


def layer_norm(*shape: int) -> Norm:
    return lambda x, *affine: ops.layer_norm(x, shape, *affine, eps=EPS)


# name: (the op, the composition, the shape of x, that of weight and bias)
CASES: dict[str, tuple[Norm, Norm, tuple[int, ...], tuple[int, ...]]] = {
    "batch": (batch_norm, composed((0, 2, 3), True), (5, 3, 4, 3), (3,)),
    "batch of one channel": (batch_norm, composed((0, 2, 3), True), (2, 1, 1, 3), (1,)),
    "batch of one image": (batch_norm, composed((0, 2, 3), True), (1, 3, 4, 5), (3,)),
    "batch of one pixel": (batch_norm, composed((0, 2, 3), True), (40, 2, 1, 1), (2,)),
    "batch of features": (batch_norm, composed((0,), True), (33, 3), (3,)),
    "batch of sequences": (batch_norm, composed((0, 2), True), (3, 2, 7), (2,)),
    "layer": (layer_norm(3, 4, 3), composed((1, 2, 3), False), (5, 3, 4, 3), (3, 4, 3)),
    "layer of rows": (layer_norm(6), composed((3,), False), (5, 3, 4, 6), (6,)),
    "layer of maps": (layer_norm(4, 6), composed((2, 3), False), (1, 3, 4, 6), (4, 6)),
    "layer of one image": (layer_norm(3, 4), composed((0, 1), False), (3, 4), (3, 4)),
    "layer of one axis": (layer_norm(9), composed((0,), False), (9,), (9,)),
    "layer of the batch": (layer_norm(2, 3, 2, 2), composed((0, 1, 2, 3), False), (2, 3, 2, 2),
                           (2, 3, 2, 2)),
    "layer of features": (layer_norm(300), composed((1,), False), (3, 300), (300,)),
}  # fmt: skip


ORDERS = ("batch-last", "strided")


def numbers(seed: int, shape: tuple[int, ...], order: str = "C") -> mc.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape) + (seed == 1)
    return mc.Tensor(in_order(values, order), requires_grad=True)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    ("name", "order"),
    [*[(name, "C") for name in CASES], *[(n, o) for n in ("batch", "layer") for o in ORDERS]],
)
def test_first_and_second_gradients_are_those_of_the_composition(
    device: str, name: str, affine: bool, order: str
) -> None:
    norm, composition, shape, of_weight = CASES[name]
    x, seed, direction = (moved(device, numbers(i, shape, order)) for i in (0, 2, 3))
    inputs = [x, *[moved(device, numbers(i, of_weight)) for i in (1, 4) if affine]]
    results = []
    for function in (norm, composition):
        y = function(*inputs)
        first = mc.grad((y * seed).sum(), inputs, create_graph=True)
        total = (first[0] * direction).sum()
        for i, g in enumerate(first[1:]):
            total = total + (g * moved(device, numbers(5 + i, of_weight))).sum()
        second = mc.grad(total, [*inputs[:2], seed], create_graph=True)
        (third,) = mc.grad((second[0] * direction).sum(), [x])
        results.append([y, *first, *second, third])
    for got, expected in zip(*results, strict=True):
        assert got.shape == expected.shape
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_response_norm_is_its_composition(device: str, channels: int) -> None:
    shape = (3, channels, 2, 2)
    x, seed, direction = (moved(device, numbers(i, shape)) for i in (0, 2, 3))
    results = []
    for norm in (lambda x: ops.local_response_norm(x, 3, 0.9, k=1.5), composed_response_norm):
        y = norm(x)
        (first,) = mc.grad((y * seed).sum(), [x], create_graph=True)
        second = mc.grad((first * direction).sum(), [x, seed], create_graph=True)
        (third,) = mc.grad((second[0] * direction).sum(), [x])
        results.append([y, first, *second, third])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


def test_gradients_are_those_of_small_steps(device: str) -> None:
    """Entry by entry."""
    for name in ("batch of sequences", "layer of rows"):
        norm, _, _, of_weight = CASES[name]
        shape = (2, 2, 3) if name.startswith("batch") else (2, 1, 2, 6)
        inputs = [moved(device, numbers(i, s)) for i, s in enumerate((shape, *[of_weight] * 2))]
        assert gradcheck(norm, inputs)
        assert gradgradcheck(norm, inputs, atol=1e-4)


@pytest.mark.parametrize("frozen", [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}], ids=str)
@pytest.mark.parametrize("name", ["batch", "layer", "evaluation"])
def test_only_the_gradients_that_are_needed(device: str, name: str, frozen: set[int]) -> None:
    shape, of_weight = (5, 3, 4, 3), (3,) if name != "layer" else (3, 4, 3)
    given = [numbers(0, shape), numbers(1, of_weight), numbers(4, of_weight)]
    running = [moved(device, numbers(6, (3,))), moved(device, numbers(7, (3,)) ** 2 + 1)]
    norm = {
        "batch": batch_norm,
        "layer": layer_norm(3, 4, 3),
        "evaluation": lambda x, *affine: ops.batch_norm(x, *running, *affine),
    }[name]
    seed = moved(device, numbers(2, shape))
    inputs = [moved(device, t) for t in given]
    expected = mc.grad((norm(*inputs) * seed).sum(), inputs)
    held = [t.detach() if i in frozen else t for i, t in enumerate(inputs)]
    free = [t for i, t in enumerate(held) if i not in frozen]
    got = mc.grad((norm(*held) * seed).sum(), free)
    kept = [e for i, e in enumerate(expected) if i not in frozen]
    for a, b in zip(got, kept, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["batch", "evaluation", "layer"])
def test_a_bias_without_a_weight(device: str, name: str) -> None:
    x, bias = moved(device, numbers(0, (4, 3, 2, 2))), moved(device, numbers(1, (3,)))
    stored = [moved(device, numbers(6, (3,))), moved(device, numbers(7, (3,)) ** 2 + 1)]
    stored = stored if name == "evaluation" else [None, None]  # type: ignore[list-item]
    norm = {
        "layer": lambda bias: ops.layer_norm(x.permute(0, 2, 3, 1), 3, None, bias).permute(
            0, 3, 1, 2
        ),
    }.get(name, lambda bias: ops.batch_norm(x, *stored, None, bias))
    y, without = norm(bias), norm(None)
    expected = without.numpy() + bias.numpy().reshape(3, 1, 1)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(mc.grad(y.sum(), bias)[0].numpy(), 16, rtol=1e-12)


# What a GPU is asked for


WAITING = ("item", "tolist", "nonzero", "__bool__", "__int__", "__float__", "__index__")
VIEWS = (np.moveaxis,)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the emulator was asked for; on a GPU each is a launch. Waiting for it is an error."""
    try:
        resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))
    names: list[str] = []

    def refuse(*args: Any) -> Any:
        raise AssertionError("reads a value, so that a GPU would have to be waited for")

    run = launch.emulator.run
    ufunc, function = EmulatorArray.__array_ufunc__, EmulatorArray.__array_function__

    def noted_run(source: str, expression: str, *rest: Any) -> None:
        names.append(expression.split("<")[0])
        run(source, expression, *rest)

    def noted_ufunc(self: Any, called: Any, *rest: Any, **options: Any) -> Any:
        names.append(called.__name__)
        return ufunc(self, called, *rest, **options)

    def noted_function(self: Any, called: Any, *rest: Any, **options: Any) -> Any:
        if called not in VIEWS:
            names.append(called.__name__)
        return function(self, called, *rest, **options)

    monkeypatch.setattr(launch.emulator, "run", noted_run)
    monkeypatch.setattr(EmulatorArray, "__array_ufunc__", noted_ufunc)
    monkeypatch.setattr(EmulatorArray, "__array_function__", noted_function)
    for name in WAITING:
        monkeypatch.setattr(EmulatorArray, name, refuse, raising=False)
    return names


def layers() -> dict[str, tuple[nn.Module, int, int]]:
    """Layers, and how many launches forward and backward may need."""
    return {
        "batch norm": (nn.BatchNorm2d(5), 4, 4),
        "batch norm, mean of all": (nn.BatchNorm2d(5, momentum=None), 4, 4),
        "batch norm without weights": (nn.BatchNorm2d(5, affine=False), 4, 3),
        "evaluation": (nn.BatchNorm2d(5).eval(), 2, 12),
        "layer norm": (nn.LayerNorm((5, 20, 20)), 3, 5),
        "layer norm without weights": (nn.LayerNorm((5, 20, 20), elementwise_affine=False), 3, 3),
        "response norm": (nn.LocalResponseNorm(3), 1, 2),
    }


@pytest.mark.parametrize("name", layers())
def test_launches(name: str, asked: list[str]) -> None:
    layer, forward, backward = layers()[name]
    layer.to("emulator")
    values = np.random.default_rng(0).standard_normal((9, 5, 20, 20)).astype(np.float32)
    x = moved("emulator", mc.Tensor(in_order(values, "batch-last"), requires_grad=True))
    asked.clear()
    y = layer(x)
    assert len(asked) <= forward, asked
    asked.clear()
    mc.grad(y, [x, *layer.parameters()], x.detach())
    assert len(asked) <= backward, asked
    (gradient,) = mc.grad((layer(x) * x).sum(), x, create_graph=True)
    gradient.sum().backward()  # does not wait either

"""Deep graphs, and when the memory of a graph is free again, all without the garbage collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minicnn as mc


@pytest.fixture(autouse=True)
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("deep_recursion_fails")
@pytest.mark.parametrize("length", [10_000, 100_000])
@pytest.mark.parametrize("way", ["backward", "dropped", "grad", "no_grad"])
def test_long_chains(length: int, way: str) -> None:
    x = mc.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    assert y.item() == length + 1
    if way == "backward":
        y.backward()
        assert x.grad is not None
        assert x.grad.item() == 1.0
    elif way == "grad":
        assert mc.grad(y, x)[0].item() == 1.0
    elif way == "no_grad":
        with mc.no_grad():
            y = y + 1.0
    middle = weakref.ref(y)
    del y
    assert middle() is None


@pytest.mark.usefixtures("deep_recursion_fails")
def test_a_long_chain_that_keeps_its_inputs() -> None:
    x = mc.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    (g,) = mc.grad(y, x, create_graph=True)
    assert g.item() == 1.0
    del g, y


def intermediate(make: Any) -> tuple[mc.Tensor, weakref.ref[Any]]:
    """A scalar made from x through an intermediate array, and a weak reference to that array."""
    x = mc.tensor(np.ones((4, 4)), requires_grad=True)
    middle = make(x)
    return (middle * middle).sum(), weakref.ref(middle.data)


STEPS = [
    lambda x: x * x,
    lambda x: x.exp(),
    lambda x: mc.ops.relu(x),
    lambda x: mc.ops.softmax(x),
    lambda x: mc.ops.max_pool2d(x.reshape(1, 1, 4, 4), 2),
    lambda x: mc.ops.conv2d(x.reshape(1, 1, 4, 4), mc.Tensor(np.ones((1, 1, 2, 2)))),
    lambda x: x**2.0,
    lambda x: mc.ops.linear(x, x),
    lambda x: 2.0**x,
]


@pytest.mark.parametrize("make", STEPS)
def test_backward_frees_what_was_kept(make: Any) -> None:
    y, array = intermediate(make)
    assert array() is not None
    y.backward()
    assert array() is None  # although y is still there


@pytest.mark.parametrize("make", STEPS)
def test_dropping_the_result_frees_the_graph(make: Any) -> None:
    y, array = intermediate(make)
    del y
    assert array() is None


@pytest.mark.parametrize("make", STEPS)
def test_second_order_graphs_hold_no_cycles(make: Any) -> None:
    x = mc.tensor(np.ones((4, 4)), requires_grad=True)
    middle = make(x)
    array = weakref.ref(middle.data)
    (g,) = mc.grad((middle * middle).sum(), x, create_graph=True)
    (g * g).sum().backward()
    del middle, g
    assert array() is None


def test_no_grad_keeps_nothing() -> None:
    x = mc.tensor(np.ones((4, 4)), requires_grad=True)
    with mc.no_grad():
        middle = x * 2
        y = middle * middle
    array = weakref.ref(middle.data)
    del middle
    assert array() is None
    assert y.function is None


@pytest.mark.parametrize(
    ("free", "make"),
    [
        (True, lambda a, b: a + b),
        (True, lambda a, b: a - b),
        (True, lambda a, b: -a),
        (True, lambda a, b: a.sum()),
        (True, lambda a, b: a.exp()),
        (True, lambda a, b: mc.ops.relu(a)),
        (True, lambda a, b: mc.ops.avg_pool2d(a.reshape(1, 1, 4, 4), 2)),
        (False, lambda a, b: a * b),
        (False, lambda a, b: a.log()),
    ],
)
def test_inputs_that_backward_does_not_read_are_freed_early(free: bool, make: Any) -> None:
    x = mc.tensor(np.ones((4, 4)), requires_grad=True)
    a = x * 3
    array = weakref.ref(a.data)
    y = make(a, x)
    del a
    assert (array() is None) is free
    del y


def test_a_failed_backward_leaves_the_modes_alone() -> None:
    class Broken(mc.autograd.Function):
        def forward(self, x: Any) -> Any:
            return x + 1

        def backward(self, grad: mc.Tensor) -> mc.Tensor:
            raise KeyError("broken")

    y = Broken.apply(mc.tensor([1.0], requires_grad=True))
    with pytest.raises(KeyError):
        y.backward(create_graph=False)
    assert mc.is_grad_enabled()

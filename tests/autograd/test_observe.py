"""Observers: what they are told, in which thread, and that nothing is replaced for them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

import minicnn as mc
from minicnn.autograd import Call, Function, Observer, observing
from minicnn.autograd.modes import observers


class Notes(Observer):
    """The names of the ops, and what each was given and returned."""

    def __init__(self) -> None:
        self.forward: list[str] = []
        self.backward: list[str] = []
        self.last: Call | None = None

    def after_forward(self, call: Call) -> None:
        self.forward.append(type(call.function).__name__)
        self.last = call

    def after_backward(self, function: Function, grads: Sequence[mc.Tensor | None]) -> None:
        shapes = [None if g is None else g.shape for g in grads]
        self.backward.append(f"{type(function).__name__} {shapes}")


def test_each_op_with_its_inputs_options_and_output() -> None:
    x = mc.tensor([[1.0, 2.0]])
    with observing(notes := Notes()):
        y = (x * 2).reshape(2)
    assert notes.forward == ["Mul", "Reshape"]
    assert notes.last is not None
    assert [t.shape for t in notes.last.inputs] == [(1, 2)]
    assert notes.last.options == {"shape": (2,)}
    assert notes.last.output is y


def test_each_backward_as_a_whole() -> None:
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    with observing(notes := Notes()):
        (x.exp() * np.ones((3, 2), np.float32)).sum().backward()
    assert notes.forward == ["Exp", "Mul", "Sum"]  # not the ops inside the backward methods
    assert notes.backward == ["Sum [(3, 2)]", "Mul [(2,), None]", "Exp [(2,)]"]


def test_inside_no_grad_and_outside_the_block() -> None:
    with observing(notes := Notes()), mc.no_grad():
        mc.tensor([1.0]) + 1
    mc.tensor([1.0]) * 2
    assert notes.forward == ["Add"]


def test_an_op_that_fails_is_not_reported_and_an_error_ends_the_block() -> None:
    notes = Notes()
    with pytest.raises(ValueError, match="broadcast"), observing(notes):
        mc.tensor([1.0, 2.0]) + mc.tensor([1.0, 2.0, 3.0])
    assert notes.forward == []
    assert observers.get() == ()


def test_two_observers_at_once_and_a_decorated_function() -> None:
    outer, inner = Notes(), Notes()

    @observing(inner)
    def double(x: mc.Tensor) -> mc.Tensor:
        return x * 2

    with observing(outer):
        double(double(mc.tensor([1.0])) + 1)
    assert outer.forward == ["Mul", "Add", "Mul"]
    assert inner.forward == ["Mul", "Mul"]


def test_ops_of_other_threads_are_not_reported() -> None:
    with observing(notes := Notes()):
        other = threading.Thread(target=lambda: mc.tensor([1.0]) * 2)
        other.start()
        other.join()
    assert notes.forward == []


def test_with_detect_anomaly() -> None:
    x = mc.tensor([1.0, 0.0])
    with np.errstate(all="ignore"), observing(notes := Notes()), mc.detect_anomaly():
        with mc.detect_anomaly():
            x + 0
        with pytest.raises(FloatingPointError, match="Log made the first -inf"):
            x.log()
    assert notes.forward == ["Add", "Log"]


def test_apply_is_never_replaced() -> None:
    apply = Function.__dict__["apply"]
    with observing(Notes()), mc.detect_anomaly():
        assert Function.__dict__["apply"] is apply
        bound = mc.ops.activation.ReLU.apply
    with observing(notes := Notes()):
        bound(mc.tensor([1.0]))
    assert notes.forward == ["ReLU"]  # an apply bound before is seen too

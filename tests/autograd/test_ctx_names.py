"""A Function written as in PyTorch is told how it is done here, when it is defined or called."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import minicnn as mc
from minicnn.autograd import Function


def x() -> mc.Tensor:
    return mc.tensor([1.0, 2.0], requires_grad=True)


def test_options_given_to_init_are_told_when_the_class_is_defined():
    with pytest.raises(TypeError, match=r"^Scale: has an __init__, but .*self.options"):

        class Scale(Function):
            def __init__(self, alpha=3.0):
                self.alpha = alpha


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_methods_with_ctx_that_are_not_static(method):
    with pytest.raises(TypeError, match=f"^Square: {method} takes ctx, as in PyTorch; here self"):
        type("Square", (Function,), {method: lambda self, ctx, x: x})


def test_a_forward_that_is_not_a_plain_function():
    """A ufunc, a cached function, one whose local variable is called ctx."""

    def forward(*arrays):
        ctx = arrays
        return ctx[-1]

    for method in (np.negative, functools.lru_cache(forward), forward):
        assert type("Op", (Function,), {"forward": method})


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("decorator", [staticmethod, classmethod])
def test_static_methods_with_ctx_are_told_when_the_class_is_defined(method, decorator):
    with pytest.raises(TypeError, match=rf"^Square: {method} is static, with ctx"):
        type("Square", (Function,), {method: decorator(lambda ctx, x: x)})


class Square(Function):
    def forward(self, x):
        return x * x

    def backward(self, grad):
        return 2 * self.inputs[0] * grad


@pytest.mark.parametrize("call", [lambda: Square(x()), lambda: Square(alpha=2.0)])
def test_a_call_of_the_class_points_to_apply(call):
    with pytest.raises(TypeError, match=r"^Square: is called with apply.*MyOp.apply\(x, alpha"):
        call()


def test_an_option_by_position_is_told():
    with pytest.raises(TypeError, match=r"^Square: input 1 is a float.*option by its name"):
        Square.apply(x(), 2.0)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("save_for_backward", "backward reads self.inputs"),
        ("saved_tensors", "self.output"),
        ("needs_input_grad", "self.needs_grad"),
        ("mark_non_differentiable", "returns None"),
    ],
)
def test_what_ctx_has_is_told_by_its_name_here(name, instead):
    class Habit(Function):
        def forward(self, x):
            return getattr(self, name)

    with pytest.raises(AttributeError, match=f"^Habit has no {name}: .*{instead}"):
        Habit.apply(x())

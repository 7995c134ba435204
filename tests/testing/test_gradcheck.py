"""The gradient checker accepts right gradients, and above all rejects wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops
from minicnn.autograd import Function
from minicnn.testing import gradcheck, gradgradcheck, numerical_gradient


def normal(*shape: int, seed: int = 0) -> mc.Tensor:
    return mc.Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def square_with(
    gradient: Callable[[mc.Tensor, mc.Tensor], Any],
) -> Callable[[mc.Tensor], mc.Tensor]:
    """x ** 2 with the given gradient(x, grad)."""

    class Square(Function):
        def forward(self, x: Any) -> Any:
            return x * x

        def backward(self, grad: mc.Tensor) -> Any:
            return gradient(self.inputs[0], grad)

    return Square.apply


RIGHT = square_with(lambda x, grad: 2 * x * grad)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_accepts_right_gradients(check: Any) -> None:
    assert check(RIGHT, normal(3, 4)) is True
    assert check(lambda a, b: (a @ b).exp(), [normal(2, 3), normal(3, 2)]) is True
    assert check(lambda a, b: a * b, (normal(3), normal(3).detach())) is True
    assert check(lambda x: x * 1e4, normal(3)) is True
    assert check(lambda x: x.sum(), normal(2, 2)) is True
    assert check(lambda x, y: x * 2, [normal(2), normal(3)]) is True  # y is not used


@pytest.mark.parametrize("shape", [(1,), (3,), (50, 2), (100, 100)])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, grad: x * grad,  # the 2 is missing
        lambda x, grad: 4 * x * grad,
        lambda x, grad: -2 * x * grad,
        lambda x, grad: 2 * x * grad * 1.01,
        lambda x, grad: 0 * x * grad,
        lambda x, grad: None,
        lambda x, grad: 2 * x * grad * np.nan,
        lambda x, grad: 2 * x,  # grad is forgotten
        lambda x, grad: 2 * grad,
        lambda x, grad: 2 * x * grad + 0.01,
    ],
    ids=["half", "double", "sign", "1%", "zero", "none", "nan", "no grad", "no x", "offset"],
)
def test_rejects_wrong_gradients(wrong: Any, check: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError, match="input 0 of shape .*entry"), np.errstate(all="ignore"):
        check(square_with(lambda x, grad: (wrong(x, grad),)), normal(*shape))


def test_rejects_a_gradient_that_stops_short() -> None:
    with pytest.raises(AssertionError, match="finite differences give"):
        gradcheck(lambda x: x * x.detach(), normal(4))
    with pytest.raises(AssertionError, match="input 0"):  # right at first, but not at second order
        gradgradcheck(square_with(lambda x, grad: 2 * x.detach() * grad), normal(4))
    assert gradcheck(square_with(lambda x, grad: 2 * x.detach() * grad), normal(4))


def test_rejects_a_gradient_of_the_wrong_shape() -> None:
    with pytest.raises(RuntimeError, match=r"gradient of shape \(\) for input 0 of shape \(3,\)"):
        gradcheck(square_with(lambda x, grad: (2 * x * grad).sum()), normal(3))


def wrong_at(index: tuple[int, ...], factor: float) -> Callable[[mc.Tensor], mc.Tensor]:
    def gradient(x: mc.Tensor, grad: mc.Tensor) -> mc.Tensor:
        scale = np.ones(x.shape)
        scale[index] = factor
        return 2 * x * grad * mc.Tensor(scale)

    return square_with(gradient)


@pytest.mark.parametrize("index", [(0, 0), (99, 99), (17, 42), (50, 0), (3, 98), (64, 64)])
@pytest.mark.parametrize("factor", [0.0, 2.0, -1.0, 100.0])
def test_finds_the_one_wrong_entry_among_ten_thousand(
    index: tuple[int, int], factor: float
) -> None:
    x = normal(100, 100)
    x.data[index] = 1.5
    with pytest.raises(AssertionError) as error:
        gradcheck(wrong_at(index, factor), x)
    assert f"input 0 of shape (100, 100), entry {index}: the gradient is" in str(error.value)


def test_says_both_numbers_of_the_entry() -> None:
    x = mc.Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    ones = lambda x: wrong_at((1,), 2.0)(x).sum()  # noqa: E731
    with pytest.raises(AssertionError) as error:
        gradcheck(ones, x)
    gradient, numerical = _two(error)
    assert gradient / numerical == pytest.approx(2, rel=1e-4)


def _two(error: Any) -> tuple[float, float]:
    first, second = (
        str(error.value).split("the gradient is ")[1].split(", finite differences give ")
    )
    return float(first), float(second.split()[0])


def test_names_the_input_that_is_wrong() -> None:
    class Product(Function):
        def forward(self, a: Any, b: Any) -> Any:
            return a * b

        def backward(self, grad: mc.Tensor) -> Any:
            a, b = self.inputs
            return grad * b, 2 * grad * a

    with pytest.raises(AssertionError, match=r"input 1 of shape \(3,\)"):
        gradcheck(Product.apply, [normal(3), normal(3)])


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_the_cost_does_not_grow_with_the_array(check: Any) -> None:
    counts = []
    for n in (2, 10_000):
        calls = 0

        def count(x: mc.Tensor) -> mc.Tensor:
            nonlocal calls
            calls += 1
            return RIGHT(x)

        check(count, normal(n))
        counts.append(calls)
    assert counts[0] == counts[1] <= 24


def test_the_cost_of_naming_an_entry_is_logarithmic() -> None:
    calls = 0
    wrong = wrong_at((1234,), 50.0)

    def count(x: mc.Tensor) -> mc.Tensor:
        nonlocal calls
        calls += 1
        return wrong(x)

    with pytest.raises(AssertionError, match=r"entry \(1234,\)"):
        gradcheck(count, normal(10_000))
    assert calls < 100


def test_numerical_gradient() -> None:
    a, b = normal(2, 3), normal(3)
    by_a, by_b = numerical_gradient(lambda a, b: (a * b) ** 2, [a, b])
    np.testing.assert_allclose(by_a, 2 * a.data * b.data**2, atol=1e-6)
    np.testing.assert_allclose(by_b, (2 * a.data**2 * b.data).sum(0), atol=1e-6)
    (alone,) = numerical_gradient(ops.exp, normal(2))
    np.testing.assert_allclose(alone, np.exp(normal(2).data), atol=1e-6)
    (scalar,) = numerical_gradient(ops.exp, mc.Tensor(np.array(1.0)))
    np.testing.assert_allclose(scalar, np.e, atol=1e-6)


def test_inputs_are_left_alone() -> None:
    x = normal(3)
    before = x.data.copy()
    x.data.flags.writeable = False
    gradcheck(RIGHT, x)
    gradgradcheck(RIGHT, x)
    numerical_gradient(RIGHT, x)
    np.testing.assert_array_equal(x.data, before)
    assert x.grad is None


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_inputs_that_cannot_be_checked(check: Any) -> None:
    for inputs, message in (
        (
            mc.tensor([1.0], requires_grad=True),
            r"inputs\[0\]: got float32, expected float64 for finite differences",
        ),
        ([normal(1), mc.tensor([1.0], requires_grad=True)], r"inputs\[1\]: got float32"),
        ([np.ones(2)], r"inputs\[0\]: got ndarray, expected a Tensor"),
        (normal(2).detach(), "no input has requires_grad=True, there is nothing to check"),
        ([], "there is nothing to check"),
    ):
        with pytest.raises(TypeError, match=message):
            check(RIGHT, inputs)
    with pytest.raises(TypeError, match="the function returned a tuple, not a Tensor"):
        check(lambda x: (x, x), normal(2))


def test_numerical_gradient_wants_float64() -> None:
    for requires_grad in (True, False):
        with pytest.raises(TypeError, match=r"inputs\[0\]: got float32"):
            numerical_gradient(ops.exp, mc.tensor([1.0], requires_grad=requires_grad))


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_functions_without_a_gradient(check: Any) -> None:
    """A constant has the gradient zero; a result cut from the graph has a wrong one."""
    assert check(lambda x: x * 0 + 3, normal(2))
    with pytest.raises((AssertionError, RuntimeError), match=r"entry|nothing was recorded"):
        check(lambda x: x.detach() * 2, normal(2))


def test_empty_inputs() -> None:
    assert gradcheck(RIGHT, normal(0))
    assert gradgradcheck(RIGHT, normal(0, 3))

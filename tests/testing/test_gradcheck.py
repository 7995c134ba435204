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


def count_found(size: int, error: float, each_entry: bool | None, tries: int = 40) -> int:
    """In how many tries one entry at a random place, off by this share, is found."""
    found = 0
    for seed in range(tries):
        rng = np.random.default_rng(seed)
        x = mc.Tensor(rng.standard_normal(size), requires_grad=True)
        try:
            gradcheck(wrong_at((int(rng.integers(size)),), 1 + error), x, each_entry=each_entry)
        except AssertionError:
            found += 1
    return found


@pytest.mark.parametrize(
    ("size", "error", "in_directions", "by_entry"),
    [
        (1, 0.005, 38, 38),  # the others are near 0, where atol decides
        (8, 0.005, 34, 40),
        (64, 0.005, 19, 40),
        (64, 0.02, 34, 40),
        (64, 0.1, 39, 40),
        (1000, 0.02, 21, None),
        (1000, 1.0, 39, None),
        (10_000, 0.02, 8, None),
        (10_000, 1.0, 39, None),
    ],
)
def test_in_how_many_of_40_tries_a_wrong_entry_is_found(
    size: int, error: float, in_directions: int, by_entry: int | None
) -> None:
    assert abs(count_found(size, error, each_entry=False) - in_directions) <= 2  # NumPy may differ
    if by_entry is not None:
        assert count_found(size, error, each_entry=True) >= by_entry
    assert count_found(size, 0.0, each_entry=None, tries=10) == 0


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("place", [(0, 0), (3, 5), (7, 7)])
def test_by_default_one_entry_of_64_that_is_2_percent_wrong_is_found(
    check: Any, place: tuple[int, int]
) -> None:
    x = normal(8, 8)
    x.data[place] = 0.5
    with pytest.raises(AssertionError, match=rf"entry \({place[0]}, {place[1]}\)"):
        check(wrong_at(place, 1.02), x)


def test_second_derivatives_are_checked_entry_by_entry_too() -> None:
    """The first ones are right; an entry of the second ones is 2 % off."""

    def gradient(x: mc.Tensor, grad: mc.Tensor) -> mc.Tensor:
        scale = np.ones(x.shape)
        scale[2, 3] = 1.02
        # As a value 2 x, but with the derivative 2 · scale.
        return (2 * x * mc.Tensor(scale) + (2 * x * mc.Tensor(1 - scale)).detach()) * grad

    x = normal(8, 8)
    assert gradcheck(square_with(gradient), x)
    with pytest.raises(AssertionError, match=r"entry \(2, 3\)"):
        gradgradcheck(square_with(gradient), x)


def counted(check: Any, size: int, **options: Any) -> int:
    calls = 0

    def count(x: mc.Tensor) -> mc.Tensor:
        nonlocal calls
        calls += 1
        return RIGHT(x)

    check(count, normal(size), **options)
    return calls


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_the_cost_in_directions_does_not_grow_with_the_array(check: Any) -> None:
    counts = [counted(check, n, each_entry=False) for n in (2, 10_000)]
    assert counts[0] == counts[1] <= 24
    assert counted(check, 10_000) == counts[1]  # the default


def test_the_default_goes_entry_by_entry_while_that_is_cheap() -> None:
    assert counted(gradcheck, 128) == 3 + 2 * 128
    assert counted(gradcheck, 129) == counted(gradcheck, 129, each_entry=False) == 3 + 2 * 2
    assert counted(gradcheck, 129, each_entry=True) == 3 + 2 * 129


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("each_entry", [True, False])
def test_a_random_function_is_told_as_such(check: Any, each_entry: bool) -> None:
    dropped = lambda x: ops.dropout(x, 0.5) * x  # noqa: E731
    for x in (normal(4, 4), normal(200)):
        with pytest.raises(ValueError, match=r"different results for the same .*manual_seed\(0\)"):
            check(dropped, x, each_entry=each_entry)

    def seeded(x: mc.Tensor) -> mc.Tensor:
        mc.manual_seed(0)
        return dropped(x)

    assert check(seeded, normal(4, 4), each_entry=each_entry)


def test_a_function_that_is_seldom_random_does_not_get_its_gradient_blamed() -> None:
    calls = 0

    def seldom(x: mc.Tensor) -> mc.Tensor:
        nonlocal calls
        calls += 1
        return x * x * (2 if calls % 5 == 4 else 1)

    with pytest.raises(ValueError, match="different results for the same inputs"):
        gradcheck(seldom, normal(3))


def test_results_of_different_shapes_are_different_results() -> None:
    lengths = iter([1, 2, 3, 3, 3])
    with pytest.raises(ValueError, match="different results"):
        gradcheck(lambda x: x[: next(lengths)], normal(3))


@pytest.mark.parametrize("each_entry", [True, False])
def test_a_random_gradient_is_told_as_such(each_entry: bool) -> None:
    rng = np.random.default_rng(0)
    random = square_with(lambda x, grad: 2 * x * grad * mc.Tensor(rng.standard_normal(x.shape)))
    with pytest.raises(AssertionError, match="input 0 .* two backward passes give different"):
        gradcheck(random, normal(3), each_entry=each_entry)


def test_rounding_errors_are_no_randomness() -> None:
    signs = iter([1.0, 1 + 2e-16, 1 - 1e-16] * 100)
    assert gradcheck(lambda x: RIGHT(x) * next(signs), normal(3), each_entry=False)


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


def test_a_function_that_ignores_its_argument():
    x = mc.tensor([1.0, 2.0], dtype="float64", requires_grad=True)
    with pytest.raises(AssertionError, match="give 0 .*compute from its arguments"):
        gradcheck(lambda _: (x * x).sum(), x)


@pytest.mark.parametrize("p", [0.1, 0.01, 0.002])
@pytest.mark.parametrize("size", [100, 200])
def test_rare_dropout_is_told_as_random(p, size):
    """Also where the first calls happened to agree."""
    x = mc.tensor(np.ones(size), requires_grad=True)
    with pytest.raises(ValueError, match="gives different results for the same inputs"):
        gradcheck(lambda x: mc.ops.dropout(x, p, True), x)


@pytest.mark.parametrize("eps", [0.0, -1e-6])
def test_steps_that_are_none(eps):
    with pytest.raises(ValueError, match="gradcheck: eps: got .*, expected a number above 0"):
        gradcheck(mc.ops.tanh, mc.tensor([1.0], dtype="float64", requires_grad=True), eps=eps)

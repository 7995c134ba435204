"""Functions that users write, right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.autograd import Function


def function(forward: Any = None, backward: Any = None, **attributes: Any) -> type[Function]:
    """A Function class called Mine made of the given methods."""
    methods = {"forward": forward, "backward": backward}
    given = {name: method for name, method in methods.items() if method is not None}
    return type("Mine", (Function,), given | attributes)


def run(mine: type[Function], count: int = 1, size: int = 3) -> list[mc.Tensor]:
    leaves = [mc.tensor(np.ones(size), requires_grad=True) for _ in range(count)]
    mine.apply(*leaves).sum().backward()
    return leaves


def double(self: Function, x: Any) -> Any:
    return 2 * x


def test_a_right_one() -> None:
    mine = function(double, lambda self, grad: grad * 2)
    (x,) = run(mine)
    assert x.grad is not None
    assert x.grad.numpy().tolist() == [2.0] * 3
    assert mc.testing.gradgradcheck(lambda x: mine.apply(x) * x, x)


def test_options_and_state() -> None:
    class Scale(Function):
        keeps = "nothing"

        def forward(self, x: Any, *, by: float) -> Any:
            self.by = by
            return x * by

        def backward(self, grad: mc.Tensor) -> mc.Tensor:
            return grad * self.by

    a, b = (mc.tensor([1.0], requires_grad=True) for _ in range(2))
    (Scale.apply(a, by=3.0) + Scale.apply(b, by=5.0)).backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.item(), b.grad.item()) == (3.0, 5.0)


def test_lists_and_none_for_inputs_without_gradient() -> None:
    mine = function(lambda self, x, y: x + y, lambda self, grad: [grad, None])
    a, b = run(mine, count=2)
    assert a.grad is not None
    assert b.grad is None


def test_none_ends_the_walk_but_not_that_of_others() -> None:
    """What lies behind a None gets no gradient from there, and is still reached by another way."""
    mine = function(lambda self, x, y: x + y, lambda self, grad: (grad, None))
    x = mc.tensor([3.0], requires_grad=True)
    lost, other = x * x, x * 5
    (mine.apply(other, lost) + lost).backward()
    assert x.grad is not None
    assert x.grad.item() == 5 + 6
    alone = mc.tensor([3.0], requires_grad=True)
    mine.apply(x * 1, alone * alone).backward()
    assert alone.grad is None


def test_needs_grad_tells_which_inputs_matter() -> None:
    seen: list[tuple[bool, ...]] = []

    def backward(self: Function, grad: mc.Tensor) -> Any:
        seen.append(self.needs_grad)
        return grad, grad

    mine = function(lambda self, x, y: x + y, backward)
    mine.apply(mc.tensor([1.0], requires_grad=True), mc.tensor([1.0])).backward()
    assert seen == [(True, False)]


@pytest.mark.parametrize("keeps", ["inputs", "output", "both", "nothing"])
def test_keeps(keeps: str) -> None:
    def backward(self: Function, grad: mc.Tensor) -> mc.Tensor:
        assert hasattr(self, "inputs") is (keeps in ("inputs", "both"))
        if keeps in ("output", "both"):
            assert self.output.numpy().tolist() == [2.0] * 3
            assert self.output.requires_grad
        else:
            with pytest.raises(AttributeError):
                _ = self.output
        return grad

    run(function(double, backward, keeps=keeps))


def test_missing_methods() -> None:
    with pytest.raises(NotImplementedError, match="Mine defines no forward"):
        run(function())
    with pytest.raises(NotImplementedError, match="Mine defines no backward"):
        run(function(double))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda grad: grad[:2], r"gradient of shape \(2,\) for input 0 of shape \(3,\)"),
        (lambda grad: grad.sum(), r"gradient of shape \(\) for input 0"),
        (lambda grad: grad.reshape(1, 3), r"gradient of shape \(1, 3\) for input 0"),
        (lambda grad: (grad, grad), "returned 2 gradients for 1 inputs"),
        (lambda grad: (), "returned 0 gradients for 1 inputs"),
        (lambda grad: grad.numpy(), "Mine.backward returned .*ndarray"),
        (lambda grad: (grad.numpy(),), "Mine.backward returned .*ndarray"),
        (lambda grad: 1.0, "Mine.backward returned .*float"),
    ],
)
def test_wrong_gradients(returned: Any, message: str) -> None:
    with pytest.raises((RuntimeError, TypeError), match=message):
        run(function(double, lambda self, grad: returned(grad)))


def test_none_alone_for_one_input() -> None:
    mine = function(double, lambda self, grad: None)
    (x,) = run(mine)
    assert x.grad is None


@pytest.mark.parametrize("value", [np.ones(2), [1.0], 3.0, None, "a"], ids=repr)
def test_apply_wants_tensors(value: Any) -> None:
    with pytest.raises(TypeError, match="Mine: .*expected a Tensor"):
        function(double).apply(value)


@pytest.mark.parametrize("result", [3.0, np.float64(3.0), [1.0, 2.0]], ids=repr)
def test_results_of_forward_become_arrays(result: Any) -> None:
    y = function(lambda self, x: result).apply(mc.tensor([1.0]))
    assert type(y.data) is np.ndarray


def test_integer_results_are_constants() -> None:
    y = function(lambda self, x: x.argmax(keepdims=True)).apply(
        mc.tensor([1.0, 2.0], requires_grad=True)
    )
    assert not y.requires_grad

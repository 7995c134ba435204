"""backward() and grad(): counting, order, seeds, repetition, higher derivatives, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc


def leaf(*values: float) -> mc.Tensor:
    return mc.tensor(np.array(values), requires_grad=True)


def grad_of(t: mc.Tensor) -> Any:
    assert t.grad is not None
    return t.grad.numpy().tolist()


@pytest.mark.parametrize("uses", [1, 2, 3, 50])
def test_every_use_of_a_tensor_counts(uses: int) -> None:
    x = leaf(1.0, 2.0)
    total = x * 1
    for _ in range(uses - 1):
        total = total + x
    total.sum().backward()
    assert grad_of(x) == [uses, uses]


def test_the_same_tensor_as_both_operands() -> None:
    x = leaf(3.0)
    (x * x + x / x + (x - x) + x**x).sum().backward()
    assert grad_of(x) == pytest.approx([6 + 27 * (math.log(3) + 1)])


@pytest.mark.parametrize("depth", [1, 2, 60])
def test_diamonds(depth: int) -> None:
    """2 ** depth paths: each function still runs once, after everything that used it."""
    x = leaf(1.0)
    y = x
    for _ in range(depth):
        y = y * 0.5 + y * 0.5
    y.sum().backward()
    assert grad_of(x) == [1.0]


def test_branches_of_unequal_length() -> None:
    x = leaf(2.0)
    long = short = x * 1
    for _ in range(20):
        long = long * 1 + 0
    (long * short + short).sum().backward()
    assert grad_of(x) == [5.0]


def test_backward_adds_to_grad_and_zeroing_is_ours() -> None:
    x = leaf(1.0)
    for n in (1, 2, 3):
        (x * 2).sum().backward()
        assert grad_of(x) == [2.0 * n]
    x.grad = None
    (x * 5).sum().backward()
    assert grad_of(x) == [5.0]


def test_a_graph_is_walked_once() -> None:
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="released by an earlier backward.*retain_graph=True"):
        y.backward()
    assert grad_of(x) == [2.0]


def test_a_shared_part_is_released_too() -> None:
    x = leaf(1.0)
    shared = x * x
    (shared * 2).sum().backward()
    with pytest.raises(RuntimeError, match="the graph at Mul was released"):
        (shared * 3).sum().backward()
    with pytest.raises(RuntimeError, match="the graph at Mul was released"):
        mc.grad((shared * 3).sum(), x)


@pytest.mark.parametrize("how", [{"retain_graph": True}, {"create_graph": True}])
def test_retained_graphs_are_walked_again(how: dict[str, bool]) -> None:
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward(**how)
    y.backward(**how)
    assert grad_of(x) == [4.0]
    y.backward()
    assert grad_of(x) == [6.0]


def test_create_graph_without_retaining() -> None:
    x = leaf(2.0)
    y = (x * 3).sum()
    (g,) = mc.grad(y, x, create_graph=True, retain_graph=False)
    assert g.numpy().tolist() == [3.0]
    with pytest.raises(RuntimeError, match="released"):
        y.backward()


@pytest.mark.parametrize("power", [4, 4.0])
def test_third_derivatives(power: float) -> None:
    x = leaf(2.0)
    y = (x**power).sum()
    for expected in (32.0, 48.0, 48.0, 24.0, 0.0):
        (y,) = mc.grad(y.sum(), x, create_graph=True)
        assert y.numpy().tolist() == [expected]


def test_backward_with_create_graph_can_be_differentiated() -> None:
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert first is not None
    x.grad = None
    first.sum().backward()
    assert grad_of(x) == [12.0]


def test_gradients_without_create_graph_are_constants() -> None:
    x = leaf(2.0)
    (g,) = mc.grad((x**3).sum(), x)
    assert (g.requires_grad, g.function) == (False, None)
    (x**3).sum().backward()
    assert x.grad is not None
    assert not x.grad.requires_grad


def test_grad_of_intermediate_tensors_touches_no_grad() -> None:
    x = leaf(3.0)
    y = x * x
    z = (y * x).sum()
    by_z, by_y, by_x = mc.grad(z, [z, y, x])
    assert [t.numpy().tolist() for t in (by_z, by_y, by_x)] == [1.0, [3.0], [27.0]]
    assert x.grad is None


def test_grad_of_several_outputs_is_that_of_their_sum() -> None:
    x = leaf(1.0, 2.0)
    a, b = x * x, x * 5
    (g,) = mc.grad([a, b, a.sum()], x, [np.array([1.0, 10.0]), mc.Tensor(np.ones(2)), None])
    assert g.numpy().tolist() == [2 + 5 + 2, 40 + 5 + 4]


def test_an_output_that_another_output_is_made_of() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    (g,) = mc.grad([z.sum(), y.sum()], y)
    assert g.numpy().tolist() == [9.0]


def test_the_same_input_twice_and_an_output_twice() -> None:
    x = leaf(2.0)
    y = (x * 3).sum()
    assert [g.item() for g in mc.grad([y, y], [x, x])] == [6.0, 6.0]


def test_unused_inputs() -> None:
    x, other = leaf(1.0), leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="input 1 was not used.*allow_unused=True"):
        mc.grad((x * 2).sum(), [x, other])
    constant = mc.tensor([1.0])
    with pytest.raises(RuntimeError, match=r"input 0 .*does not require a gradient"):
        mc.grad((x * constant).sum(), constant)
    g, zero = mc.grad((x * 2).sum(), [x, other], allow_unused=True)
    assert (g.item(), zero.numpy().tolist()) == (2.0, [0.0, 0.0])


@pytest.mark.parametrize("shape", [(2,), (0,), (1, 2)])
def test_many_elements_need_a_seed(shape: tuple[int, ...]) -> None:
    y = mc.tensor(np.ones(shape), requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="only for a one-element tensor; pass grad="):
        y.backward()
    y.backward(np.ones(shape))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_needs_none(shape: tuple[int, ...]) -> None:
    x = mc.tensor(np.ones(shape), requires_grad=True)
    (x * 2).backward()
    assert x.grad is not None
    assert x.grad.shape == shape
    assert x.grad.item() == 2


@pytest.mark.parametrize("seed", [[1.0, 2.0], np.array([1, 2]), mc.tensor([1.0, 2.0])])
def test_seeds_of_every_kind(seed: Any) -> None:
    x = leaf(1.0, 1.0)
    (x * 3).backward(seed)
    assert grad_of(x) == [3.0, 6.0]


@pytest.mark.parametrize("seed", [1.0, [1.0], [[1.0, 2.0]], [1.0, 2.0, 3.0]])
def test_seeds_of_another_shape(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"grad: got shape .*expected \(2,\), that of its tensor"):
        (leaf(1.0, 1.0) * 3).backward(seed)


def test_the_wrong_number_of_seeds() -> None:
    x = leaf(1.0)
    with pytest.raises(ValueError, match="grad_outputs: got 1, expected 2"):
        mc.grad([x * 1, x * 2], x, [np.ones(1)])


@pytest.mark.parametrize("make", [lambda: mc.tensor([1.0]), lambda: leaf(1.0).detach() * 2])
def test_nothing_was_recorded(make: Any) -> None:
    with pytest.raises(RuntimeError, match="nothing was recorded.*requires_grad=True"):
        make().backward()


def test_a_leaf_is_its_own_gradient() -> None:
    x = leaf(7.0)
    x.backward()
    assert grad_of(x) == [1.0]
    assert mc.grad(x, x)[0].item() == 1.0


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_leaves_own_their_memory(create_graph: bool) -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (a + b).backward(seed, create_graph=create_graph)
    assert a.grad is not None
    assert b.grad is not None
    assert not np.shares_memory(a.grad.data, b.grad.data)
    assert not np.shares_memory(a.grad.data, seed)
    a.grad.data[0] = 7  # writeable, and nobody else sees it
    assert grad_of(b) == [1.0, 1.0]


def test_gradients_keep_the_memory_order_of_their_leaf() -> None:
    x = mc.tensor(np.zeros((3, 4, 5, 2)).transpose(3, 0, 1, 2), requires_grad=True)
    (x * x + x).backward(np.ones(x.shape).transpose(1, 2, 3, 0).copy().transpose(3, 0, 1, 2))
    assert x.grad is not None
    assert x.grad.data.strides == x.data.strides


@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 9), st.integers(0, 9)),
                min_size=1, max_size=12))  # fmt: skip
def test_random_graphs(program: list[tuple[str, int, int]]) -> None:
    """Any graph of sums and products, against forward derivatives carried along by hand."""
    values = [leaf(1.25), leaf(-0.5)]
    duals = [(1.25, np.array([1.0, 0.0])), (-0.5, np.array([0.0, 1.0]))]
    for op, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        (x, dx), (y, dy) = duals[i % len(duals)], duals[j % len(duals)]
        if op == "*":
            values.append(a * b)
            duals.append((x * y, dx * y + x * dy))
        else:
            values.append(a + b if op == "+" else a - b)
            duals.append((x + y, dx + dy) if op == "+" else (x - y, dx - dy))
        if abs(duals[-1][0]) > 1e6:
            return
    grads = mc.grad(values[-1], values[:2], allow_unused=True)
    np.testing.assert_allclose([g.item() for g in grads], duals[-1][1], rtol=1e-9, atol=1e-9)

"""Gradients of leaves: not copied if nothing else refers to them, and never shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.autograd import Function
from minicnn.backend.arrays import memory_span

kept: list[Any] = []


class Fresh(Function):
    """Doubles; its gradient is a new array, whose memory is noted."""

    def forward(self, x):
        return 2 * x

    def backward(self, grad):
        result = 2 * grad
        kept.append(memory_span(result.data))
        return result


class FreshView(Fresh):
    def backward(self, grad):
        result = (2 * grad).T.T
        kept.append(memory_span(result.data))
        return result


class KeepsTensor(Fresh):
    def backward(self, grad):
        kept.append(2 * grad)
        return kept[0]


class KeepsArray(Fresh):
    def backward(self, grad):
        kept.append((2 * grad).data)
        return mc.Tensor(kept[0])


class KeepsOwner(Fresh):
    def backward(self, grad):
        kept.append((2 * grad).data)
        return mc.Tensor(kept[0][:])


class ReturnsInput(Fresh):
    """The gradient of x²/2 is x itself (if that of the output is 1)."""

    def backward(self, grad):
        kept.append(self.inputs[0].data)
        return self.inputs[0].detach()


@pytest.fixture(autouse=True)
def _empty():
    kept.clear()
    yield
    kept.clear()


def leaf():
    return mc.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)


def overwrite(x):
    x.grad.data[...] = 77


@pytest.mark.parametrize("op", [Fresh, FreshView])
def test_a_new_array_becomes_the_gradient_itself(op):
    x = leaf()
    op.apply(x).sum().backward()
    assert memory_span(x.grad.data) == kept[0]


@pytest.mark.parametrize("op", [KeepsTensor, KeepsArray, KeepsOwner, ReturnsInput])
def test_what_something_else_refers_to_is_copied(op):
    x = leaf()
    op.apply(x).backward(np.ones((2, 3)))
    array = kept[0].data if isinstance(kept[0], mc.Tensor) else kept[0]
    before = array.copy()
    overwrite(x)
    np.testing.assert_array_equal(array, before)


def test_two_leaves_of_one_gradient():
    a, b, seed = leaf(), leaf(), np.ones((2, 3))
    (a + b).backward(seed)
    overwrite(a)
    np.testing.assert_array_equal(b.grad.numpy(), 1)
    np.testing.assert_array_equal(seed, 1)


def test_a_leaf_that_is_the_output_itself():
    x, seed = leaf(), np.ones((2, 3))
    mc.autograd.backward(x, mc.Tensor(seed))
    overwrite(x)
    np.testing.assert_array_equal(seed, 1)


def test_a_gradient_that_repeats_one_number_can_be_written_into():
    x = leaf()
    x.sum().backward()
    overwrite(x)
    assert x.grad.data.strides == x.data.strides


def test_gradients_that_the_graph_still_needs():
    """With create_graph and retain_graph, arrays in the graph keep their numbers."""
    x = leaf()
    y = (x * x).sum()
    for _ in range(2):
        y.backward(retain_graph=True)
        overwrite(x)
        x.grad = None
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.numpy())


def test_a_part_of_a_larger_array_does_not_keep_all_of_it():
    x = leaf()
    mc.ops.concatenate([x, mc.tensor(np.ones((1000, 3)))]).backward(np.ones((1002, 3)))
    owner = x.grad.data if x.grad.data.base is None else x.grad.data.base
    assert owner.size == 6

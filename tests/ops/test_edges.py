"""Every op at the edges of float32, compared with PyTorch: largest and smallest numbers, inf, NaN.

``tests/support/edge_exceptions.py`` is the table of what differs, and why. A normal run draws the
same few calls of each op every time; ``HYPOTHESIS_PROFILE=thorough`` draws many new ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.edge_exceptions import EXCEPTIONS, AllowedDifference, exception_for
from support.edges import at_edges, differences
from support.op_cases import CASES

import minicnn as mc
from minicnn import ops

TWINS = [name for name in CASES if callable(CASES[name].twin)]
PROFILE = settings.default
CALLS = max(1, PROFILE.max_examples // 3)
LARGE = [1e18, 1e20, 3.4e38]


@pytest.mark.torch
@pytest.mark.parametrize("name", TWINS)
@settings(max_examples=CALLS, derandomize=PROFILE.max_examples <= 25)
@given(data=st.data())
def test_as_in_pytorch(name: str, torch: Any, data: st.DataObject) -> None:
    inputs, options = data.draw(CASES[name].calls())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    arrays = [at_edges(name, x.data, place, rng) for place, x in enumerate(inputs)]
    for difference in differences(name, arrays, options):
        assert exception_for(difference), str(difference)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Using `assume` outside")  # a twin that refuses some windows
@pytest.mark.parametrize("exception", [e for e in EXCEPTIONS if e.example], ids=lambda e: e.name)
def test_what_an_exception_says(exception: AllowedDifference, torch: Any) -> None:
    example = exception.example
    assert example is not None
    arrays = [np.asarray(numbers, np.float32) for numbers in example.arrays]
    found = differences(example.op, arrays, example.options)
    difference = next(d for d in found if d.where == example.where)
    np.testing.assert_allclose(difference.ours, example.ours, rtol=1e-5)
    np.testing.assert_allclose(difference.torchs, example.torchs, rtol=1e-5)
    assert exception_for(difference) is exception


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("name", ["batch_norm", "layer_norm"])
def test_norms_of_large_numbers_are_those_of_small_ones(
    name: str, size: float, device: str
) -> None:
    """In the unit of the numbers, forward and, divided by it, backward."""
    numbers = np.random.default_rng(0).uniform(-1, 1, (5, 3, 4))
    numbers[0, 0, 0], numbers[-1, -1, -1] = 1, -1
    v = np.random.default_rng(1).standard_normal(numbers.shape)
    found = []
    for unit, dtype in ((1.0, np.float64), (np.float32(size), np.float32)):
        x, w, seed = (mc.tensor(a.astype(dtype), device=device)
                      for a in (numbers * unit, np.array([1.0, -2.0, 0.5]), v))  # fmt: skip
        x.requires_grad = w.requires_grad = True
        if name == "batch_norm":
            y = ops.batch_norm(x, None, None, w, training=True, eps=1e-30)
        else:
            y = ops.layer_norm(x.permute(0, 2, 1), 3, w, eps=1e-30).permute(0, 2, 1)
        grad_x, grad_w = mc.grad(y, [x, w], seed)
        found.append([y.numpy(), np.float64(grad_x.numpy()) * unit, grad_w.numpy()])
    for exact, got in zip(*found, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quotients_and_powers_of_the_smallest_numbers(dtype: str, device: str) -> None:
    """d(a/b)/db = -a/b² is 0 at a = 0, d(x ** 0)/dx is 0 everywhere, also where 1/x overflows."""
    tiny = float(np.finfo(dtype).smallest_normal) / 8
    a, b = (mc.tensor(np.full(3, v, dtype), device=device) for v in (0.0, tiny))
    b.requires_grad = True
    (gradient,) = mc.grad(a / b, [b], np.array([1, -2, 20], dtype))
    np.testing.assert_array_equal(gradient.numpy(), 0)
    x = mc.tensor(np.array([tiny, -tiny, tiny / 1e5, 0, np.nan, 3], dtype), device=device)
    x.requires_grad = True
    with np.errstate(all="ignore"):  # the gradient to the exponent is a logarithm
        for power in (x**0, x**0.0, x ** mc.tensor(np.zeros(6, dtype), device=device)):
            np.testing.assert_array_equal(power.numpy(), 1)
            np.testing.assert_array_equal(mc.grad(power.sum(), x)[0].numpy(), 0)


def test_the_second_gradients_of_powers_near_0_remain() -> None:
    """d²(x ** p)/dx dp at p = 0 is 1/x where that is a number."""
    for number in (1e-38, 2.0, 1e30):
        x, p = (mc.tensor(np.float32(v), requires_grad=True) for v in (number, 0.0))
        with np.errstate(all="ignore"):  # all other second gradients, too
            (first,) = mc.grad(x**p, [x], create_graph=True)
            (second,) = mc.grad(first, [p])
        np.testing.assert_allclose(second.item(), 1 / number, rtol=1e-5)


@pytest.mark.parametrize("beta", [0.5, 2.0, 1e30])
def test_softplus_of_the_largest_numbers(beta: float, device: str) -> None:
    largest = float(np.finfo(np.float32).max)
    x = mc.tensor(np.float32([largest, -largest]), device=device)
    x.requires_grad = True
    y = ops.softplus(x, beta)
    np.testing.assert_array_equal(y.numpy(), np.float32([largest, 0]))
    np.testing.assert_array_equal(mc.grad(y.sum(), x)[0].numpy(), [1, 0])


def test_a_variance_is_infinite_only_where_it_overflows(device: str) -> None:
    x = mc.tensor(np.tile(np.float32([1.5e19, -1.5e19]), 40), device=device)
    np.testing.assert_allclose(ops.var(x).item(), 1.5e19**2 * 80 / 79, rtol=1e-5)

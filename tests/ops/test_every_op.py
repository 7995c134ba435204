"""Every op against its oracle, in float32 too, with first and second gradients.

The cases are in tests/support/op_cases/: each draws the inputs and options of a call.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.devices import moved
from support.op_cases import CASES, DIFFERENTIABLE

import minicnn as mc
from minicnn import ops
from minicnn.testing import gradcheck, gradgradcheck


def joined(result: Any) -> mc.Tensor:
    """One tensor with all the elements, where an op returns several (split)."""
    if isinstance(result, tuple):
        return ops.concatenate([piece.flatten() for piece in result])
    return result


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_forward(name: str, device: str, data: st.DataObject) -> None:
    case = CASES[name]
    inputs, options = data.draw(case.calls())
    before = [x.data.copy() for x in inputs]
    expected = case.oracle(*[x.data for x in inputs], **options)
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4)):
        results = case.op(
            *[mc.Tensor(x.data.astype(dtype, order="K")).to(device) for x in inputs], **options
        )
        several = isinstance(expected, tuple)
        assert isinstance(results, tuple) == several
        pairs = zip(results, expected, strict=True) if several else [(results, expected)]
        for got, array in pairs:
            array = np.asarray(array)
            assert got.shape == array.shape
            assert got.dtype == (dtype if case.differentiable else array.dtype)
            assert got.device == (device if inputs else "cpu")
            np.testing.assert_allclose(got.numpy(), array, rtol=tolerance, atol=tolerance)
            assert not got.requires_grad
    for x, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x.data, copy)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_gradients(name: str, device: str, data: st.DataObject) -> None:
    inputs, options = data.draw(CASES[name].calls())
    inputs = [moved(device, x) for x in inputs]
    constant = data.draw(st.integers(-3, len(inputs) - 1))
    if len(inputs) > 1 and constant >= 0:  # not every input has to require a gradient
        inputs[constant] = inputs[constant].detach()
    op = partial(CASES[name].op, **options)
    # In directions: entry by entry, these two would take most of the time of all tests.
    function = lambda *tensors: joined(op(*tensors))  # noqa: E731
    assert gradcheck(function, inputs, atol=1e-4, each_entry=False)
    assert gradgradcheck(function, inputs, atol=1e-3, each_entry=False)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_gradients_are_where_the_inputs_are(name: str, device: str, data: st.DataObject) -> None:
    inputs, options = data.draw(CASES[name].calls())
    inputs = [moved(device, x) for x in inputs]
    free = [x for x in inputs if x.requires_grad]
    total = joined(CASES[name].op(*inputs, **options)).sum()
    for gradient in mc.grad(total, free, allow_unused=True):
        assert gradient.device == device


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENTIABLE])
@given(data=st.data())
def test_a_result_without_gradients(name: str, device: str, data: st.DataObject) -> None:
    inputs, options = data.draw(CASES[name].calls())
    assert not CASES[name].op(*[moved(device, x) for x in inputs], **options).requires_grad

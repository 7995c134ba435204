"""Batch-last storage: when a view is free, and when it is a copy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.backend import array_module, kernels_for, vectorised
from minicnn.backend.layout import as_chwn, as_nchw
from minicnn.testing.strategies import in_order

shapes = st.tuples(*[st.integers(0, 3)] * 4)


@given(shapes, st.sampled_from(["batch-last", "C", "strided"]))
def test_there_and_back(shape: tuple[int, ...], order: str) -> None:
    x = in_order(np.arange(np.prod(shape)).reshape(shape), order)
    stored = as_chwn(x)
    assert stored.flags.c_contiguous
    assert stored.shape == (*shape[1:], shape[0])
    np.testing.assert_array_equal(as_nchw(stored), x)
    assert as_nchw(stored).shape == shape


@pytest.mark.parametrize(("order", "free"), [("batch-last", 1), ("C", 0), ("strided", 0)])
def test_free_for_batch_last_alone(order: str, free: int) -> None:
    x = in_order(np.arange(120.0).reshape(2, 3, 4, 5), order)
    assert np.shares_memory(as_chwn(x), x) == free


def test_as_nchw_is_always_a_view() -> None:
    stored = np.zeros((3, 4, 5, 2))
    assert np.shares_memory(as_nchw(stored), stored)


def test_array_module_and_kernels() -> None:
    x = np.zeros(3)
    assert array_module(x) is np
    assert kernels_for(x) is vectorised

"""The hypothesis strategies produce what they say, in all its forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.testing import strategies
from minicnn.testing.strategies import in_order

SEARCH = settings(max_examples=500, suppress_health_check=list(HealthCheck), database=None)


def order_of(x: mc.Tensor) -> str:
    if x.data.flags.c_contiguous:
        return "C"
    return "batch-last" if x.data.transpose(1, 2, 3, 0).flags.c_contiguous else "strided"


def form_of(padding: Any) -> str:
    if isinstance(padding, tuple):
        return "sides" if isinstance(padding[0], tuple) else "pair"
    return padding if isinstance(padding, str) else "number"


@pytest.mark.parametrize("order", ["batch-last", "C", "strided"])
@pytest.mark.parametrize("kind", ["images", "conv2d_cases", "pool2d_cases"])
def test_every_memory_order_occurs(kind: str, order: str) -> None:
    drawn = getattr(strategies, kind)()
    image = drawn if kind == "images" else drawn.map(lambda case: case.x)
    find(image, lambda x: min(x.shape) > 1 and order_of(x) == order, settings=SEARCH)


@pytest.mark.parametrize("form", ["number", "pair", "sides", "valid", "same"])
@pytest.mark.parametrize("kind", ["padding_forms", "conv2d_cases", "pool2d_cases"])
def test_every_padding_form_occurs(kind: str, form: str) -> None:
    drawn = getattr(strategies, kind)()
    padding = drawn if kind == "padding_forms" else drawn.map(lambda c: c.options["padding"])
    find(padding, lambda p: form_of(p) == form, settings=SEARCH)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda c: c.bias is None,
        lambda c: c.bias is not None,
        lambda c: c.options["groups"] > 1,
        lambda c: c.options["dilation"] > 1,
        lambda c: isinstance(c.options["stride"], tuple),
        lambda c: c.x.shape[0] > 1,
        lambda c: 1 in c.x.shape[2:],
        lambda c: np.max(c.options["stride"]) > max(c.weight.shape[2:]),
        lambda c: ops.conv2d(*c[:3], **c.options).shape[2:] == (1, 1) and min(c.x.shape[2:]) > 2,
        lambda c: c.weight.shape[2] != c.weight.shape[3],
    ],
)  # fmt: skip
def test_every_kind_of_convolution_occurs(wanted: Any) -> None:
    find(strategies.conv2d_cases(), wanted, settings=SEARCH)


@given(strategies.padding_forms(strings=False))
def test_padding_forms_without_strings(padding: Any) -> None:
    assert form_of(padding) in ("number", "pair", "sides")


@given(strategies.images(min_batch=2, max_batch=2, max_channels=1, max_size=3))
def test_images(x: mc.Tensor) -> None:
    assert x.shape[:2] == (2, 1)
    assert max(x.shape[2:]) <= 3
    assert (x.dtype, x.requires_grad) == (np.float64, True)
    assert len(np.unique(x.data)) == x.size
    assert x.size == 1 or np.diff(np.sort(x.data.ravel())).min() > 0.1


@given(strategies.conv2d_cases())
def test_convolutions_fit(case: Any) -> None:
    x, weight, bias, options = case
    y = ops.conv2d(x, weight, bias, **options)
    assert y.shape[:2] == (x.shape[0], weight.shape[0])
    assert min(y.shape) > 0


@given(strategies.pool2d_cases(), strategies.pool2d_cases(dilation=False))
def test_pools_fit(case: Any, plain: Any) -> None:
    assert min(ops.max_pool2d(case.x, case.kernel_size, **case.options).shape) > 0
    assert min(ops.avg_pool2d(plain.x, plain.kernel_size, **plain.options).shape) > 0


def test_ties_occur_where_they_are_asked_for() -> None:
    find(
        strategies.images(distinct=False),
        lambda x: len(np.unique(x.data)) < x.size,
        settings=SEARCH,
    )


@given(st.sampled_from(["batch-last", "C", "strided"]), st.tuples(*[st.integers(0, 3)] * 4))
def test_in_order(order: str, shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(in_order(x, order), x)
    if min(shape) > 1:
        assert order_of(mc.Tensor(in_order(x, order))) == order

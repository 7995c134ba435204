"""Hypothesis strategies for images, windows and convolutions (needs the extra ``test``).

They serve ``@given(strategies.conv2d_cases())`` above a test. `find` draws cases as a test would,
and returns the simplest one that satisfies a condition:

>>> from hypothesis import find
>>> from minicnn.testing import strategies
>>> case = find(strategies.conv2d_cases(), lambda case: case.options["groups"] == 2)
>>> mc.ops.conv2d(case.x, case.weight, case.bias, **case.options).shape
(1, 2, 1, 1)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from ..autograd import Tensor
from ..backend.geometry import PaddingForm, make_window, pixel_counts
from ..checks import Pair

MEMORY_ORDERS = ("batch-last", "C", "strided")


class Conv2dCase(NamedTuple):
    """Arguments of a conv2d that fit together; options are its keyword arguments."""

    x: Tensor
    weight: Tensor
    bias: Tensor | None
    options: dict[str, Any]


class Pool2dCase(NamedTuple):
    """Arguments of a pooling op that fit together; options are its keyword arguments."""

    x: Tensor
    kernel_size: Pair
    options: dict[str, Any]


def memory_orders() -> st.SearchStrategy[str]:
    """How an image array lies in memory: "batch-last", "C", or "strided" (not contiguous)."""
    return st.sampled_from(MEMORY_ORDERS)


@st.composite
def images(
    draw: st.DrawFn,
    max_batch: int = 3,
    max_channels: int = 4,
    max_size: int = 8,
    min_batch: int = 1,
    distinct: bool = True,
) -> Tensor:
    """A float64 Tensor (N, C, H, W) in any memory order, with requires_grad.

    distinct: all pixels differ clearly, so that max pooling is smooth; otherwise many are equal.
    """
    shape = (
        draw(st.integers(min_batch, max_batch)),
        draw(st.integers(1, max_channels)),
        draw(st.integers(1, max_size)),
        draw(st.integers(1, max_size)),
    )
    return image_tensor(draw, shape, distinct)


@st.composite
def padding_forms(draw: st.DrawFn, largest: int = 2, strings: bool = True) -> PaddingForm:
    """A padding in any of its forms: p, (p_h, p_w), ((top, bottom), (left, right)), or a string."""
    p = st.integers(0, largest)
    forms: list[st.SearchStrategy[Any]] = [
        p,
        st.tuples(p, p),
        st.tuples(st.tuples(p, p), st.tuples(p, p)),
    ]
    if strings:
        forms.append(st.sampled_from(["valid", "same"]))
    drawn: PaddingForm = draw(st.one_of(forms))
    return drawn


@st.composite
def conv2d_cases(draw: st.DrawFn, max_size: int = 7, min_batch: int = 1) -> Conv2dCase:
    """A conv2d with random sizes, stride, padding, dilation, groups, bias and memory order."""
    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.integers(1, 2))
    outputs = groups * draw(st.integers(1, 2))
    batch = draw(st.integers(min_batch, 3))
    size, kernel, options = _draw_window(draw, max_size)
    x = image_tensor(draw, (batch, channels, *size), distinct=True)
    rng = _draw_generator(draw)
    weight = Tensor(rng.standard_normal((outputs, channels // groups, *kernel)), True)
    bias = Tensor(rng.standard_normal(outputs), True) if draw(st.booleans()) else None
    return Conv2dCase(x, weight, bias, {**options, "groups": groups})


@st.composite
def pool2d_cases(
    draw: st.DrawFn,
    max_size: int = 7,
    dilation: bool = True,
    distinct: bool = True,
    min_batch: int = 1,
    ceil_mode: bool = True,
) -> Pool2dCase:
    """A pooling with random sizes, stride, padding, dilation, ceil_mode and memory order."""
    batch = draw(st.integers(min_batch, 3))
    modes = (False, True) if ceil_mode else (False,)
    size, kernel, options = _draw_window(draw, max_size, modes, dilation)
    x = image_tensor(draw, (batch, draw(st.integers(1, 3)), *size), distinct)
    if not dilation:
        del options["dilation"]
    return Pool2dCase(x, kernel, options)


def image_tensor(draw: st.DrawFn, shape: tuple[int, ...], distinct: bool) -> Tensor:
    """An image Tensor of this shape, in a random memory order."""
    rng, size = _draw_generator(draw), int(np.prod(shape))
    values = rng.permutation(size) / 8.0 if distinct else rng.integers(-1, 2, size) * 1.0
    values = values - values.mean() if distinct and size else values
    return Tensor(in_order(values.reshape(shape), draw(memory_orders())), requires_grad=True)


def in_order(x: NDArray[Any], order: str) -> NDArray[Any]:
    """The same array (N, C, H, W) in one of the memory orders."""
    if order == "batch-last":
        return np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    if order == "strided":
        spread = np.zeros((*x.shape[:3], 2 * x.shape[3]), x.dtype)
        spread[..., ::2] = x
        return spread[..., ::2]
    return np.ascontiguousarray(x)


def _draw_window(
    draw: st.DrawFn, max_size: int, ceil_modes: tuple[bool, ...] = (), dilation: bool = True
) -> tuple[Pair, Pair, dict[str, Any]]:
    """Image size, kernel size and options of a window that fits."""
    size = draw(st.tuples(st.integers(1, max_size), st.integers(1, max_size)))
    stride = draw(st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))))
    spread = draw(st.integers(1, 2)) if dilation else 1
    options = {"stride": stride, "padding": draw(padding_forms()), "dilation": spread}
    if ceil_modes:
        options["ceil_mode"] = draw(st.sampled_from(ceil_modes))
    kernels = [
        (kh, kw)
        for kh in range(1, size[0] + 5)
        for kw in range(1, size[1] + 5)
        if _fits(size, (kh, kw), options, pooling=bool(ceil_modes))
    ]
    assume(kernels)
    return size, draw(st.sampled_from(kernels)), options


def _fits(size: Pair, kernel: Pair, options: dict[str, Any], pooling: bool) -> bool:
    try:
        window = make_window("case", size, kernel, **options)
    except ValueError:
        return False
    return not pooling or all(min(counts) > 0 for counts in pixel_counts(window))


def _draw_generator(draw: st.DrawFn) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

"""Pooling by the mean or the p-norm of each window."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..autograd import Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.geometry import PaddingForm, Window, pixel_counts
from ..backend.layout import as_chwn, as_nchw
from ..checks import IntOrPair, check_number
from .check import check_pool_window
from .convert import in_float32
from .elementwise import Elementwise
from .linear_map import LinearMap
from .select import keep


class AvgPool2d(LinearMap):
    def forward(self, x: Array, *, window: Window, divisor: Array) -> Array:
        return as_nchw(kernels_for(x).avg_pool(as_chwn(x), window, divisor))


class AvgPoolAdjoint(LinearMap, adjoint_of=AvgPool2d):
    def forward(self, y: Array, *, window: Window, divisor: Array) -> Array:
        return as_nchw(kernels_for(y).avg_pool_adjoint(as_chwn(y), window, divisor))


def average_windows(x: Tensor, window: Window, counts: ArrayLike) -> Tensor:
    """The sum under each place of the window divided by its count, an array (OH, OW)."""
    return AvgPool2d.apply(x, window=window, divisor=np.asarray(counts, dtype=x.dtype))


@in_float32
def avg_pool2d(
    x: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: PaddingForm = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The mean of each window: y[n, c, i, j] = (sum over kh, kw of x[n, c, ih, iw]) / divisor.

    x (N, C, H, W) -> y (N, C, OH, OW), sizes as in ``conv2d``; stride None means kernel_size.
    divisor: the pixels of the window inside the padded image, so KH·KW except where ceil_mode
    reaches past it; only the real pixels with count_include_pad=False (TensorFlow's rule for
    padding "same"); or divisor_override.
    Raises ValueError when the window does not fit, or padding leaves windows without a pixel.
    Source: LeCun et al., 1998, section II.B (subsampling).

    >>> x = mc.tensor([[[[1, 3, 0, 0], [5, 7, 0, 4]]]]).to("float32")
    >>> mc.ops.avg_pool2d(x, 2)
    tensor([[[[4., 1.]]]])
    """
    window = check_pool_window("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is None:
        return average_windows(x, window, window_divisors(window, bool(count_include_pad)))
    divisor = check_number("avg_pool2d: divisor_override", divisor_override)
    if divisor == 0:
        raise ValueError("avg_pool2d: divisor_override: got 0, expected another number")
    return average_windows(x, window, np.full(window.output_size, divisor))


@lru_cache(maxsize=256)
def window_divisors(window: Window, include_pad: bool) -> Any:
    """The number of pixels under each place of the window, with or without padding: (OH, OW)."""
    if not include_pad:
        return np.outer(*pixel_counts(window))
    by_axis = []
    for size, outputs, kernel, stride, (before, after) in zip(
        *window[:4], window.padding, strict=True
    ):
        starts = np.arange(outputs) * stride
        by_axis.append(np.minimum(starts + kernel, size + before + after) - starts)
    return np.outer(*by_axis)


class Root(Elementwise):
    """sign(x)·|x|^(1/p), whose gradient at 0 is defined as 0."""

    def forward(self, x: Array, *, degree: float) -> Array:
        xp = array_module(x)
        return xp.sign(x) * xp.abs(x) ** (1 / degree)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        p, is_zero = self.options["degree"], x.data == 0
        nonzero = abs(x) + Tensor(
            is_zero.astype(x.dtype)
        )  # 1 in place of 0, where x^(1/p) is steep
        return keep(grad * nonzero ** (1 / p - 1) / p, ~is_zero)


@in_float32
def lp_pool2d(
    x: Tensor,
    norm_type: float,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    ceil_mode: bool = False,
    padding: PaddingForm = 0,
) -> Tensor:
    """The p-norm of each window, p = norm_type: y = (sum over kh, kw of x[n, c, ih, iw]^p)^(1/p).

    x (N, C, H, W) -> y (N, C, OH, OW), sizes as in ``conv2d``; stride None means kernel_size.
    p = 1 is the sum, and a growing p tends to the maximum of |x| as long as the dtype can represent
    x^p. As in PyTorch the pixels keep their sign: odd p are meant for x >= 0 (where the sum is
    negative the root is -|sum|^(1/p), in PyTorch NaN), and other p need x >= 0. A window of zeros
    has gradient 0, and so has a pixel of 0 if p is not an integer. A window cut short by ceil_mode
    counts as KH·KW times its mean power. PyTorch has no padding here; it is filled with zeros.
    Raises ValueError for a p that is not positive and finite, and when the window does not fit.
    Source: Sermanet et al., 2012 (arXiv 1204.3968).

    >>> x = mc.tensor([[[[3.0, 4.0, 0.0, 2.0]]]])
    >>> mc.ops.lp_pool2d(x, 2, (1, 2))
    tensor([[[[5., 2.]]]])
    """
    op = "lp_pool2d"
    degree = check_number(f"{op}: norm_type", norm_type, "a number above 0")
    window = check_pool_window(op, x, kernel_size, stride, padding, 1, ceil_mode)
    kh, kw = window.kernel_size
    powers = average_windows(_power(x, degree), window, window_divisors(window, True)) * (kh * kw)
    return Root.apply(powers, degree=degree)


def _power(x: Tensor, degree: float) -> Tensor:
    """x ** degree, whose derivatives at 0 are defined as 0 where they would be infinite."""
    if degree.is_integer():
        return x ** int(degree)
    is_zero = x.data == 0
    nonzero = x + Tensor(is_zero.astype(x.dtype))  # 1 in place of 0
    return keep(nonzero**degree, ~is_zero)

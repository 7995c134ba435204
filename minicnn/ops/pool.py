"""Pooling: one number for each window. The gradient of a maximum goes to its winner alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.geometry import PaddingForm, Window, pixel_counts, window
from ..backend.layout import as_chwn, as_nchw
from .check import check_images, check_number

__all__ = ["avg_pool2d", "max_pool2d"]


class MaxPool2d(Function):
    keeps = "both"

    def forward(self, x: Array, *, window: Window) -> Array:
        self.window = window
        return as_nchw(kernels_for(x).max_pool(as_chwn(x), window))

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        winners = {"x": x.data, "y": self._output_data, "window": self.window}
        return MaxPoolScatter.apply(grad, **winners)


class MaxPoolScatter(Function):
    """Put each window's value back onto its winner in x."""

    keeps = "nothing"

    def forward(self, values: Array, *, x: Array, y: Array, window: Window) -> Array:
        self.winners = {"x": x, "y": y, "window": window}
        scatter = kernels_for(values).max_pool_scatter
        return as_nchw(scatter(as_chwn(values), as_chwn(x), as_chwn(y), window))

    def backward(self, grad: Tensor) -> Tensor:
        return MaxPoolGather.apply(grad, **self.winners)


class MaxPoolGather(Function):
    """Pick the winners of x from another array: the adjoint of MaxPoolScatter."""

    keeps = "nothing"

    def forward(self, values: Array, *, x: Array, y: Array, window: Window) -> Array:
        self.winners = {"x": x, "y": y, "window": window}
        gather = kernels_for(values).max_pool_gather
        return as_nchw(gather(as_chwn(values), as_chwn(x), as_chwn(y), window))

    def backward(self, grad: Tensor) -> Tensor:
        return MaxPoolScatter.apply(grad, **self.winners)


def max_pool2d(
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: PaddingForm = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest pixel of each window: y[n, c, i, j] = max over kh, kw of x[n, c, ih, iw].

    x (N, C, H, W) -> y (N, C, OH, OW), sizes as in ``conv2d``; stride None means kernel_size.
    Padding counts as -inf. On ties the first in row order takes the gradient; NaN wins over all.
    ceil_mode: also keep the windows that reach past the bottom and right.
    return_indices: also return the winners, int64, flat within one H·W map (PyTorch's).
    Raises ValueError when the window does not fit, or padding leaves windows without a pixel.
    Source: Zhou and Chellappa, 1988; Weng et al., 1992 (Cresceptron).
    """
    slide = _window("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    y = MaxPool2d.apply(x, window=slide)
    return (y, _winner_indices(x, y, slide)) if return_indices else y


def _winner_indices(x: Tensor, y: Tensor, window: Window) -> Tensor:
    """For each window the position of its winner in the flattened H·W map."""
    xp = array_module(x.data)
    n, c, height, width = x.shape
    positions = xp.arange(height * width).reshape(1, height, width, 1)
    positions = xp.broadcast_to(positions, (c, height, width, n))
    gather = kernels_for(x.data).max_pool_gather
    return Tensor(as_nchw(gather(positions, as_chwn(x.data), as_chwn(y.data), window)))


class AvgPool2d(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, window: Window, divisor: Array) -> Array:
        self.options = {"window": window, "divisor": divisor}
        return as_nchw(kernels_for(x).avg_pool(as_chwn(x), window, divisor))

    def backward(self, grad: Tensor) -> Tensor:
        return AvgPoolAdjoint.apply(grad, **self.options)


class AvgPoolAdjoint(Function):
    keeps = "nothing"

    def forward(self, y: Array, *, window: Window, divisor: Array) -> Array:
        self.options = {"window": window, "divisor": divisor}
        return as_nchw(kernels_for(y).avg_pool_adjoint(as_chwn(y), window, divisor))

    def backward(self, grad: Tensor) -> Tensor:
        return AvgPool2d.apply(grad, **self.options)


def avg_pool2d(
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: PaddingForm = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The mean of each window: y[n, c, i, j] = (sum over kh, kw of x[n, c, ih, iw]) / divisor.

    x (N, C, H, W) -> y (N, C, OH, OW), sizes as in ``conv2d``; stride None means kernel_size.
    divisor: the pixels of the window inside the padded image, so KH·KW except where ceil_mode
    reaches past it; only the real pixels with count_include_pad=False; or divisor_override.
    Raises ValueError when the window does not fit, or padding leaves windows without a pixel.
    """
    slide = _window("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is None:
        counts = _counts(slide, count_include_pad)
    else:
        divisor_override = check_number("avg_pool2d", divisor_override=divisor_override)
        if divisor_override == 0:
            raise ValueError("avg_pool2d: divisor_override is 0, expected another number")
        counts = np.full(slide.output_size, divisor_override)
    divisor = array_module(x.data).asarray(counts, dtype=x.dtype)
    return AvgPool2d.apply(x, window=slide, divisor=divisor)


@lru_cache(maxsize=256)
def _counts(window: Window, include_pad: bool) -> Any:
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


def _window(
    op: str, x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Window:
    check_images(op, x)
    stride = kernel_size if stride is None else stride
    height, width = x.shape[2:]
    slide = window(op, (height, width), kernel_size, stride, padding, dilation, ceil_mode)
    if any(min(counts) == 0 for counts in pixel_counts(slide)):
        raise ValueError(
            f"{op}: with padding {padding} some windows of size {kernel_size} hold no pixel "
            f"of the {height}x{width} input, only padding"
        )
    return slide

"""Convolution as one matrix product over im2col columns, and the two ops that are its gradients.

The three maps below are linear in each argument, and the gradient of each is made of the others:
convolution closes under differentiation, so every derivative of it is exact.

    Conv2d          x, w    -> y    y  = w · im2col(x)
    ConvTranspose2d g, w    -> x    x  = col2im(wᵀ · g)        the gradient of y to x
    ConvWeight      x, g    -> w    w  = g · im2col(x)ᵀ        the gradient of y to w

With G groups, the C input and O output channels are cut into G parts that see only each other.
Shapes of the matrices, one of each per group:

    weight   (O/G, C/G·KH·KW)
    columns  (C/G·KH·KW, OH·OW·N)
    y        (O/G, OH·OW·N)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module
from ..backend.geometry import PaddingForm, Pair, Window, pair, sides, window
from ..backend.layout import as_chwn, as_nchw
from ..backend.sources import PADDING_MODES
from .check import check_bias, check_float, check_images, check_tensor
from .columns import by_group, columns_of, pixels_of, product, row_bands, sum_of_products
from .pad import pad_sides
from .reduce import sum

__all__ = ["conv2d", "conv_transpose2d"]


class Conv2d(Function):
    def forward(
        self, x: Array, weight: Array, bias: Array | None = None, *, window: Window, groups: int
    ) -> Array:
        self.window, self.groups = window, groups
        x, matrix, xp = as_chwn(x), by_group(weight, groups), array_module(x)
        (channels, _, _, batch), outputs = x.shape, weight.shape[0]
        height, width = window.output_size
        y = xp.empty((groups, outputs // groups, height, width * batch), x.dtype)
        for band in row_bands(x, window, channels):
            rows = y[:, :, band.output]  # (G, O/G, some of OH, OW·N)
            columns = columns_of(x, band, groups)  # (G, C/G·KH·KW, some of OH·OW·N)
            xp.matmul(matrix, columns, out=rows.reshape(*rows.shape[:2], columns.shape[2]))
            if bias is not None:
                rows += bias.reshape(groups, -1, 1, 1)
        return as_nchw(y.reshape(outputs, height, width, batch))

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *bias = self.inputs
        same = {"window": self.window, "groups": self.groups}
        return (
            ConvTranspose2d.apply(grad, weight, **same) if self.needs_grad[0] else None,
            ConvWeight.apply(x, grad, **same) if self.needs_grad[1] else None,
            *(sum(grad, (0, 2, 3)) if self.needs_grad[2] else None for _ in bias),
        )


class ConvTranspose2d(Function):
    def forward(self, grad: Array, weight: Array, *, window: Window, groups: int) -> Array:
        self.window, self.groups = window, groups
        grad, matrix = as_chwn(grad), by_group(weight, groups).swapaxes(1, 2)
        channels, batch = groups * weight.shape[1], grad.shape[-1]
        x = array_module(grad).zeros((channels, *window.input_size, batch), grad.dtype)
        for band in row_bands(grad, window, channels):
            grads = by_group(grad[:, band.output], groups)  # (G, O/G, some of OH·OW·N)
            columns = product(matrix, grads)  # (G, C/G·KH·KW, some of OH·OW·N)
            x[:, band.input] += pixels_of(columns, band, channels, batch)
        return as_nchw(x)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        g, weight = self.inputs
        same = {"window": self.window, "groups": self.groups}
        return (
            Conv2d.apply(grad, weight, **same) if self.needs_grad[0] else None,
            ConvWeight.apply(grad, g, **same) if self.needs_grad[1] else None,
        )


class ConvWeight(Function):
    def forward(self, x: Array, grad: Array, *, window: Window, groups: int) -> Array:
        self.window, self.groups = window, groups
        x, grad = as_chwn(x), as_chwn(grad)
        channels, outputs = x.shape[0], grad.shape[0]
        kh, kw = window.kernel_size
        shape = (groups, channels // groups * kh * kw, outputs // groups)
        weight = array_module(x).zeros(shape, x.dtype)
        # The columns are made again: keeping them from forward costs KH·KW times the memory.
        for band in row_bands(x, window, channels):
            grads = by_group(grad[:, band.output], groups)  # (G, O/G, some of OH·OW·N)
            weight += sum_of_products(columns_of(x, band, groups), grads)
        weight = weight.swapaxes(1, 2)  # (G, O/G, C/G·KH·KW)
        return weight.reshape(outputs, channels // groups, kh, kw)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, g = self.inputs
        same = {"window": self.window, "groups": self.groups}
        return (
            ConvTranspose2d.apply(g, grad, **same) if self.needs_grad[0] else None,
            Conv2d.apply(x, grad, **same) if self.needs_grad[1] else None,
        )


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: PaddingForm = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """Slide O kernels over the images (a cross-correlation, as in every CNN framework).

    y[n, o, i, j] = bias[o] + sum over c, kh, kw of
                    weight[o, c, kh, kw] · x[n, c, i·stride + kh·dilation - top, ...]

    x (N, C, H, W), weight (O, C/groups, KH, KW), bias (O,) -> y (N, O, OH, OW)
    OH = floor((H + top + bottom - dilation·(KH - 1) - 1) / stride) + 1, OW alike.

    padding: p, (p_h, p_w), ((top, bottom), (left, right)), "valid" or "same". "same" gives
    ceil(H / stride) rows with any stride (TensorFlow's rule; PyTorch refuses a stride), the odd
    pixel at the bottom and right. padding_mode: what the padding holds, see ``pad2d``.

    Raises ValueError for shapes that do not fit, TypeError for dtypes that differ.
    Source: LeCun et al., 1998, section II; im2col: Chellapilla et al., 2006.
    """
    check_images("conv2d", x)
    check_float("conv2d", x, weight=weight, bias=bias)
    _check_weight("conv2d", weight, groups)
    outputs, per_group, *kernel_size = weight.shape
    if x.shape[1] != per_group * groups:
        raise ValueError(
            f"conv2d: x has {x.shape[1]} channels, but weight {weight.shape} with groups={groups} "
            f"expects {per_group} * {groups} = {per_group * groups}"
        )
    if outputs % groups:
        raise ValueError(f"conv2d: {outputs} output channels cannot be cut into {groups} groups")
    check_bias("conv2d", bias, outputs)
    height, width = x.shape[2:]
    slide = window("conv2d", (height, width), kernel_size, stride, padding, dilation)
    if padding_mode not in PADDING_MODES:
        raise ValueError(
            f"conv2d: padding_mode is {padding_mode!r}, expected one of {', '.join(PADDING_MODES)}"
        )
    if padding_mode != "zeros" and slide.padding != ((0, 0), (0, 0)):
        x = pad_sides("conv2d", x, slide.padding, padding_mode)
        height, width = x.shape[2:]
        slide = window("conv2d", (height, width), kernel_size, stride, 0, dilation)
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return Conv2d.apply(*inputs, window=slide, groups=groups)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: PaddingForm = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transposed convolution: the gradient of ``conv2d`` to its input, as a map of its own.

    Each input pixel adds a copy of the kernel, scaled by it, to the output; <conv2d(a), b> equals
    <a, conv_transpose2d(b)>.

    x (N, C, H, W), weight (C, O/groups, KH, KW), bias (O,) -> y (N, O, OH, OW)
    OH = (H - 1)·stride - top - bottom + dilation·(KH - 1) + 1 + output_padding, OW alike.

    padding is cut off the output, and is numeric here; output_padding adds rows and columns at the
    bottom and right that a strided conv2d would have rounded away.
    Raises ValueError for shapes that do not fit, TypeError for dtypes that differ.
    Source: Zeiler et al., 2010; Dumoulin and Visin, 2016 (arXiv 1603.07285).
    """
    op = "conv_transpose2d"
    check_images(op, x)
    check_float(op, x, weight=weight, bias=bias)
    _check_weight(op, weight, groups)
    channels, per_group, kh, kw = weight.shape
    if x.shape[1] != channels or channels % groups:
        raise ValueError(
            f"{op}: x has {x.shape[1]} channels and weight shape {weight.shape}, expected "
            f"(C, O/groups, KH, KW) with C = {x.shape[1]} divisible by groups={groups}"
        )
    check_bias(op, bias, per_group * groups)
    stride, dilation = pair(stride, f"{op}: stride"), pair(dilation, f"{op}: dilation")
    slide = _transposed_window(op, x.shape[2:], (kh, kw), stride, padding, output_padding, dilation)
    y = ConvTranspose2d.apply(x, weight, window=slide, groups=groups)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def _transposed_window(
    op: str,
    size: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: PaddingForm,
    output_padding: Any,
    dilation: Pair,
) -> Window:
    """The window of the convolution whose output has the given size and whose input is wanted."""
    cut = sides(0 if padding == "valid" else padding, f"{op}: padding")
    extra = pair(output_padding, f"{op}: output_padding", least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"{op}: output_padding {extra} must be smaller than stride {stride} "
            f"or dilation {dilation}"
        )
    height, width = (
        (n - 1) * s - p0 - p1 + d * (k - 1) + 1 + e
        for n, s, (p0, p1), d, k, e in zip(size, stride, cut, dilation, kernel, extra, strict=True)
    )
    if min(size) < 1 or min(height, width) < 1:
        raise ValueError(
            f"{op}: a {size[0]}x{size[1]} input, padding {cut} would give {height}x{width} pixels"
        )
    return Window((height, width), (size[0], size[1]), kernel, stride, cut, dilation)


def _check_weight(op: str, weight: Tensor, groups: int) -> None:
    check_tensor(op, weight=weight)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"{op}: weight has shape {weight.shape}, expected four axes of 1 or more")
    is_integer = isinstance(groups, int | np.integer) and not isinstance(groups, bool)
    if not is_integer or groups < 1:
        raise ValueError(f"{op}: groups is {groups!r}, expected an integer of 1 or more")

"""Convolution and the two ops that are its gradients.

The three maps below are linear in each argument, and the gradient of each is made of the others:
convolution closes under differentiation, so every derivative of it is exact.

    Conv2d          x, w    -> y    y  = convolve(x, w)
    ConvTranspose2d g, w    -> x    x  = convolve_input_gradient(g, w)      the gradient of y to x
    ConvWeight      x, g    -> w    w  = convolve_weight_gradient(x, g)     the gradient of y to w

With G groups, the C input and O output channels are split into G parts that see only each other.
How a device computes the three, with columns and a matrix product or without, is in ``backend/``.
"""

from __future__ import annotations

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from ..backend.geometry import PaddingForm, Window, make_window, sides
from ..backend.layout import as_chwn, as_nchw
from ..backend.padding import PADDING_MODES
from ..checks import IntOrPair, check_choice, check_integer, check_pair
from .check import (
    check_float,
    check_images,
    check_shape,
    check_tensor,
    check_transposed_size,
)
from .convert import in_float32
from .pad import pad_sides
from .reduce import sum


class Conv2d(Function):
    def forward(
        self, x: Array, weight: Array, bias: Array | None = None, *, window: Window, groups: int
    ) -> Array:
        return as_nchw(kernels_for(x).convolve(as_chwn(x), weight, bias, window, groups))

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *bias = self.inputs
        return (
            ConvTranspose2d.apply(grad, weight, **self.options) if self.needs_grad[0] else None,
            ConvWeight.apply(x, grad, **self.options) if self.needs_grad[1] else None,
            *(sum(grad, (0, 2, 3)) if self.needs_grad[2] else None for _ in bias),
        )


class ConvTranspose2d(Function):
    def forward(self, grad: Array, weight: Array, *, window: Window, groups: int) -> Array:
        kernels = kernels_for(grad)
        return as_nchw(kernels.convolve_input_gradient(as_chwn(grad), weight, window, groups))

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        g, weight = self.inputs
        return (
            Conv2d.apply(grad, weight, **self.options) if self.needs_grad[0] else None,
            ConvWeight.apply(grad, g, **self.options) if self.needs_grad[1] else None,
        )


class ConvWeight(Function):
    def forward(self, x: Array, grad: Array, *, window: Window, groups: int) -> Array:
        kernels = kernels_for(x)
        return kernels.convolve_weight_gradient(as_chwn(x), as_chwn(grad), window, groups)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, g = self.inputs
        return (
            ConvTranspose2d.apply(g, grad, **self.options) if self.needs_grad[0] else None,
            Conv2d.apply(x, grad, **self.options) if self.needs_grad[1] else None,
        )


_conv2d, _conv_transpose2d = in_float32(Conv2d.apply), in_float32(ConvTranspose2d.apply)


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrPair = 1,
    padding: PaddingForm = 0,
    dilation: IntOrPair = 1,
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

    >>> x = mc.tensor([[[[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 9.0]]]])
    >>> edges = mc.tensor([[[[-1.0, 1.0]]]])
    >>> mc.ops.conv2d(x, edges).data.tolist()
    [[[[0.0, 9.0, 0.0], [0.0, 9.0, 0.0]]]]
    """
    op, size = "conv2d", check_images("conv2d", x)
    check_float(op, x=x, weight=weight, bias=bias)
    groups = _check_weight(op, weight, groups)
    outputs, per_group, kh, kw = weight.shape
    if x.shape[1] != per_group * groups:
        raise ValueError(
            f"{op}: x has {x.shape[1]} channels, but weight {weight.shape} with groups={groups} "
            f"expects {per_group} * {groups} = {per_group * groups}"
        )
    if outputs % groups:
        raise ValueError(f"{op}: {outputs} output channels cannot be split into {groups} groups")
    check_shape(op, (outputs,), bias=bias)
    window = make_window(op, size, (kh, kw), stride, padding, dilation)
    check_choice(f"{op}: padding_mode", padding_mode, PADDING_MODES)
    if padding_mode != "zeros" and window.padding != ((0, 0), (0, 0)):
        x = pad_sides(op, x, window.padding, padding_mode)
        window = make_window(op, (x.shape[2], x.shape[3]), (kh, kw), stride, 0, dilation)
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return _conv2d(*inputs, window=window, groups=groups)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrPair = 1,
    padding: PaddingForm = 0,
    output_padding: IntOrPair = 0,
    groups: int = 1,
    dilation: IntOrPair = 1,
) -> Tensor:
    """The transposed convolution: the gradient of ``conv2d`` to its input, as an op of its own.

    Each input pixel adds a copy of the kernel, scaled by it, to the output; <conv2d(a), b> equals
    <a, conv_transpose2d(b)>.

    x (N, C, H, W), weight (C, O/groups, KH, KW), bias (O,) -> y (N, O, OH, OW)
    OH = (H - 1)·stride - top - bottom + dilation·(KH - 1) + 1 + output_padding, OW alike.

    padding, numeric here, is cut off the output; output_padding adds rows and columns at the bottom
    and right, which a strided conv2d drops by rounding down.
    Raises ValueError for shapes that do not fit, TypeError for dtypes that differ.
    Source: Zeiler et al., 2010; Dumoulin and Visin, 2016 (arXiv 1603.07285).

    >>> x = mc.tensor([[[[1.0, 0.0, 5.0]]]])
    >>> mc.ops.conv_transpose2d(x, mc.tensor([[[[1.0, 2.0]]]]), stride=(1, 2))
    tensor([[[[ 1.,  2.,  0.,  0.,  5., 10.]]]])
    """
    op = "conv_transpose2d"
    size = check_images(op, x)
    check_float(op, x=x, weight=weight, bias=bias)
    groups = _check_weight(op, weight, groups)
    channels, per_group, kh, kw = weight.shape
    if x.shape[1] != channels or channels % groups:
        raise ValueError(
            f"{op}: x has {x.shape[1]} channels and weight shape {weight.shape}, expected "
            f"(C, O/groups, KH, KW) with C = {x.shape[1]} divisible by groups={groups}"
        )
    check_shape(op, (per_group * groups,), bias=bias)
    strides = check_pair(f"{op}: stride", stride)
    dilations = check_pair(f"{op}: dilation", dilation)
    extra = check_pair(f"{op}: output_padding", output_padding, least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilations, strict=True)):
        raise ValueError(
            f"{op}: output_padding {extra} must be smaller than stride {strides} "
            f"or dilation {dilations}"
        )
    cut = sides(0 if padding == "valid" else padding, f"{op}: padding")
    output_size = check_transposed_size(op, size, (kh, kw), strides, cut, extra, dilations)
    # The window of the convolution that leads from this output back to x.
    window = Window(output_size, size, (kh, kw), strides, cut, dilations)
    y = _conv_transpose2d(x, weight, window=window, groups=groups)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def _check_weight(op: str, weight: Tensor, groups: int) -> int:
    """Check the weight and the groups, which are returned. Raises TypeError or ValueError."""
    check_tensor(op, weight=weight)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"{op}: weight has shape {weight.shape}, expected four axes of 1 or more")
    return check_integer(f"{op}: groups", groups, least=1)

"""Pooling by the extreme of each window, maximum or minimum, and putting the winners back.

Only the winner gets the gradient. Two maps close under differentiation: gather the winners of a
given x from an array, and scatter values back onto them.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Function, Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.geometry import PaddingForm, Sides, Window, sides
from ..backend.layout import as_chwn, as_nchw
from ..checks import IntOrPair, Pair, check_pair
from .check import (
    check_device,
    check_images,
    check_pool_window,
    check_shape,
    check_tensor,
    check_transposed_size,
)
from .convert import in_float32
from .linear_map import LinearMap
from .select import keep


class MaxPool2d(Function):
    keeps = "both"

    def forward(self, x: Array, *, window: Window) -> Array:
        return as_nchw(kernels_for(x).max_pool(as_chwn(x), window))

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return WinnerScatter.apply(grad, x=x.data, y=self.output.data, **self.options)


class MinPool2d(MaxPool2d):
    def forward(self, x: Array, *, window: Window) -> Array:
        return as_nchw(kernels_for(x).min_pool(as_chwn(x), window))


class WinnerScatter(LinearMap):
    """Put the value of each window back onto its winner in x, whose value is y."""

    def forward(self, values: Array, *, x: Array, y: Array, window: Window) -> Array:
        scatter = kernels_for(values).winner_scatter
        return as_nchw(scatter(as_chwn(values), as_chwn(x), as_chwn(y), window))


class WinnerGather(LinearMap, adjoint_of=WinnerScatter):
    """Take the values at the winners of x."""

    def forward(self, values: Array, *, x: Array, y: Array, window: Window) -> Array:
        gather = kernels_for(values).winner_gather
        return as_nchw(gather(as_chwn(values), as_chwn(x), as_chwn(y), window))


@in_float32
def max_pool2d(
    x: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: PaddingForm = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest pixel of each window: y[n, c, i, j] = max over kh, kw of x[n, c, ih, iw].

    x (N, C, H, W) -> y (N, C, OH, OW), sizes as in ``conv2d``; stride None means kernel_size.
    Padding counts as -inf. On ties the first in row order takes the gradient; NaN wins over
    everything, the first NaN of a window (PyTorch: the last).
    ceil_mode: also keep the windows that reach past the bottom and right.
    return_indices: also return the winners, int64, flat within one H·W map (PyTorch's).
    padding "same" is TensorFlow's; PyTorch takes only numbers of at most half the kernel.
    Raises ValueError when the window does not fit, or padding leaves windows without a pixel.
    Source: Zhou and Chellappa, 1988; Weng et al., 1992 (Cresceptron).

    >>> x = mc.tensor([[[[1.0, 2.0, 5.0, 0.0], [3.0, 4.0, 1.0, 6.0]]]])
    >>> mc.ops.max_pool2d(x, 2, return_indices=True)
    (tensor([[[[4., 6.]]]]), tensor([[[[5, 7]]]], dtype=int64))
    """
    window = check_pool_window("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    y = MaxPool2d.apply(x, window=window)
    return (y, _winner_indices(x, y, window)) if return_indices else y


@in_float32
def min_pool2d(
    x: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: PaddingForm = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The smallest pixel of each window: y[n, c, i, j] = min over kh, kw of x[n, c, ih, iw].

    Padding counts as +inf; shapes, arguments, rules and errors are those of ``max_pool2d``, and
    min_pool2d(x) = -max_pool2d(-x). It keeps dark strokes on light paper, which maximum pooling
    removes: the erosion of mathematical morphology (Serra, 1982). PyTorch has no such op.

    >>> mc.ops.min_pool2d(mc.tensor([[[[1.0, 2.0, 5.0, 0.0], [3.0, 4.0, 1.0, 6.0]]]]), 2)
    tensor([[[[1., 0.]]]])
    """
    window = check_pool_window("min_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    y = MinPool2d.apply(x, window=window)
    return (y, _winner_indices(x, y, window)) if return_indices else y


def _winner_indices(x: Tensor, y: Tensor, window: Window) -> Tensor:
    """For each window the position of its winner in the flattened H·W map."""
    xp = array_module(x.data)
    n, c, height, width = x.shape
    positions = xp.arange(height * width).reshape(1, height, width, 1)
    positions = xp.broadcast_to(positions, (c, height, width, n))
    gather = kernels_for(x.data).winner_gather
    return Tensor(as_nchw(gather(positions, as_chwn(x.data), as_chwn(y.data), window)))


class MaxUnpool2d(LinearMap):
    def forward(self, values: Array, *, positions: Array, size: Pair) -> Array:
        return as_nchw(kernels_for(values).unpool(as_chwn(values), positions, size))


class MaxUnpoolAdjoint(LinearMap, adjoint_of=MaxUnpool2d):
    """Take the pixels at the positions; the adjoint only if no position occurs twice."""

    def forward(self, x: Array, *, positions: Array, size: Pair) -> Array:
        return as_nchw(kernels_for(x).unpool_adjoint(as_chwn(x), positions))


@in_float32
def max_unpool2d(
    x: Tensor,
    indices: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: PaddingForm = 0,
    output_size: IntOrPair | tuple[int, ...] | None = None,
) -> Tensor:
    """Put pooled values back where they came from, zeros elsewhere: a partial inverse of pooling.

    y[n, c, indices[n, c, i, j]] = x[n, c, i, j], with y flat within one map.

    x, indices (N, C, H, W) -> y (N, C, OH, OW), indices as ``max_pool2d`` returns them;
    OH = (H - 1)·stride - top - bottom + KH. Pooling rounds down, so images of other sizes have the
    same pooled size: output_size, (OH, OW) or the shape of the image, less than one stride from it.
    Where an index occurs twice the last value in row order is kept, and only it gets the gradient
    (in PyTorch all do).
    Raises ValueError for shapes that differ, an output_size that cannot be or indices outside the
    map, TypeError for indices that are not integers. Source: Zeiler and Fergus, 2014.

    >>> x = mc.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> y, indices = mc.ops.max_pool2d(x, 2, return_indices=True)
    >>> mc.ops.max_unpool2d(y, indices, 2).data.tolist()
    [[[[0.0, 0.0], [0.0, 4.0]]]]
    """
    op = "max_unpool2d"
    input_size = check_images(op, x)
    check_tensor(op, indices=indices)
    check_device(op, x, indices=indices)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{op}: indices are {indices.dtype}, expected integers")
    check_shape(op, x.shape, ", that of x", indices=indices)
    kernel = check_pair(f"{op}: kernel_size", kernel_size)
    strides = kernel if stride is None else check_pair(f"{op}: stride", stride)
    cut = sides(0 if padding == "valid" else padding, f"{op}: padding")
    if output_size is None:
        size = check_transposed_size(op, input_size, kernel, strides, cut, (0, 0), (1, 1))
    else:
        size = _check_unpooled_size(op, output_size, x.shape, kernel, strides, cut)
    positions = as_chwn(indices.data)
    outside = positions[(positions < 0) | (positions >= size[0] * size[1])]
    if outside.size:
        raise ValueError(
            f"{op}: indices hold {int(outside[0])}, but a map of {size[0]}x{size[1]} pixels has "
            f"0 to {size[0] * size[1] - 1}"
        )
    return MaxUnpool2d.apply(_keep_last(x, positions, size), positions=positions, size=size)


def _check_unpooled_size(
    op: str, output_size: Any, pooled: tuple[int, ...], kernel: Pair, strides: Pair, cut: Sides
) -> Pair:
    """The output_size (OH, OW), also given as a shape (N, C, OH, OW), if it can have been pooled.

    Raises TypeError for another form, ValueError for a size a stride away or more.
    """
    is_shape = isinstance(output_size, tuple | list) and len(output_size) == 4
    if is_shape and tuple(output_size[:2]) != pooled[:2]:
        raise ValueError(
            f"{op}: output_size: got {output_size}, expected {pooled[:2]} images and channels"
        )
    size = check_pair(f"{op}: output_size", output_size[2:] if is_shape else output_size)
    axes = zip(("height", "width"), size, pooled[2:], kernel, strides, cut, strict=True)
    for name, n, places, k, stride, (before, after) in axes:
        expected = (places - 1) * stride + k - before - after
        if abs(n - expected) >= stride:
            least, most = max(1, expected - stride + 1), expected + stride - 1
            raise ValueError(
                f"{op}: output_size: got {output_size}, but with these windows the {name} must be "
                f"from {least} to {most}: {expected}, plus or minus less than the stride {stride}"
            )
    return size


def _keep_last(x: Tensor, positions: Array, size: Pair) -> Tensor:
    """x, with 0 where a later value has the same position, so that none is written twice.

    Only then is taking the adjoint of putting back, and the gradient exact.
    """
    kernels, xp = kernels_for(x.data), array_module(x.data)
    _, height, width, _ = positions.shape
    places = xp.arange(height * width).reshape(1, height, width, 1)
    places = xp.broadcast_to(places, positions.shape)
    last = kernels.unpool(places, positions, size)
    mask = kernels.unpool_adjoint(last, positions) == places
    return x if mask.all() else keep(x, as_nchw(mask))

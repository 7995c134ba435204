"""im2col and its adjoint col2im as ops of their own, PyTorch's ``unfold`` and ``fold``."""

from __future__ import annotations

from typing import Any

from ..autograd import Function, Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.geometry import PaddingForm, Window, make_window
from ..backend.layout import as_chwn, as_nchw
from ..checks import check_pair
from .check import check_float, check_images


class Im2Col(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, window: Window) -> Array:
        self.window = window
        columns = kernels_for(x).im2col(as_chwn(x), window)  # (C, KH, KW, OH, OW, N)
        c, kh, kw, oh, ow, n = columns.shape
        return columns.reshape(c * kh * kw, oh * ow, n).transpose(2, 0, 1)  # (N, C·KH·KW, L)

    def backward(self, grad: Tensor) -> Tensor:
        return Col2Im.apply(grad, window=self.window)


class Col2Im(Function):
    keeps = "nothing"

    def forward(self, columns: Array, *, window: Window) -> Array:
        self.window = window
        n, rows, _ = columns.shape
        kh, kw = window.kernel_size
        last = array_module(columns).ascontiguousarray(columns.transpose(1, 2, 0))
        columns = last.reshape(rows // (kh * kw), kh, kw, *window.output_size, n)
        return as_nchw(kernels_for(columns).col2im(columns, window))

    def backward(self, grad: Tensor) -> Tensor:
        return Im2Col.apply(grad, window=self.window)


def im2col(
    x: Tensor, kernel_size: Any, stride: Any = 1, padding: PaddingForm = 0, dilation: Any = 1
) -> Tensor:
    """The pixels under each place of a window, as the columns of a matrix; 0 for padding.

    x (N, C, H, W) -> (N, C·KH·KW, L), L = OH·OW places in row order, PyTorch's ``unfold``.
    Raises ValueError when the window does not fit into the padded image.
    """
    check_images("im2col", x)
    height, width = x.shape[2:]
    window = make_window("im2col", (height, width), kernel_size, stride, padding, dilation)
    return Im2Col.apply(x, window=window)


def col2im(
    columns: Tensor,
    output_size: Any,
    kernel_size: Any,
    stride: Any = 1,
    padding: PaddingForm = 0,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of ``im2col``: add each column back onto its pixels, PyTorch's ``fold``.

    columns (N, C·KH·KW, L) -> (N, C, *output_size); overlapping windows add up.
    Raises ValueError when the columns do not belong to this window and output size.
    """
    check_float("col2im", columns)
    size = check_pair("col2im: output_size", output_size)
    window = make_window("col2im", size, kernel_size, stride, padding, dilation)
    taps = window.kernel_size[0] * window.kernel_size[1]
    places = window.output_size[0] * window.output_size[1]
    if columns.ndim != 3 or columns.shape[1] % taps or columns.shape[2] != places:
        raise ValueError(
            f"col2im: columns have shape {columns.shape}, expected (N, C·{taps}, {places}): "
            f"{window.output_size[0]}x{window.output_size[1]} places of "
            f"{window.kernel_size[0]}x{window.kernel_size[1]} taps"
        )
    return Col2Im.apply(columns, window=window)


unfold = im2col
fold = col2im

"""im2col and its adjoint col2im as ops of their own, PyTorch's ``unfold`` and ``fold``."""

from __future__ import annotations

from ..autograd import Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.geometry import PaddingForm, Window, make_window
from ..backend.layout import as_chwn, as_nchw
from ..checks import IntOrPair, check_pair
from .check import check_float, check_images
from .convert import in_float32
from .linear_map import LinearMap


class Im2Col(LinearMap):
    def forward(self, x: Array, *, window: Window) -> Array:
        columns = kernels_for(x).im2col(as_chwn(x), window)  # (C, KH, KW, OH, OW, N)
        c, kh, kw, oh, ow, n = columns.shape
        return columns.reshape(c * kh * kw, oh * ow, n).transpose(2, 0, 1)  # (N, C·KH·KW, L)


class Col2Im(LinearMap, adjoint_of=Im2Col):
    def forward(self, columns: Array, *, window: Window) -> Array:
        n, rows, _ = columns.shape
        kh, kw = window.kernel_size
        last = array_module(columns).ascontiguousarray(columns.transpose(1, 2, 0))
        columns = last.reshape(rows // (kh * kw), kh, kw, *window.output_size, n)
        return as_nchw(kernels_for(columns).col2im(columns, window))  # (N, C, H, W)


@in_float32
def im2col(
    x: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: PaddingForm = 0,
    dilation: IntOrPair = 1,
) -> Tensor:
    """The pixels under each place of a window, as the columns of a matrix; 0 for padding.

    x (N, C, H, W) -> (N, C·KH·KW, L), L = OH·OW places in row order, PyTorch's ``unfold``.
    Raises ValueError when the window does not fit into the padded image.

    >>> mc.ops.im2col(mc.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]), 2)
    tensor([[[1., 2.],
             [2., 3.],
             [4., 5.],
             [5., 6.]]])
    """
    size = check_images("im2col", x)
    window = make_window("im2col", size, kernel_size, stride, padding, dilation)
    return Im2Col.apply(x, window=window)


@in_float32
def col2im(
    columns: Tensor,
    output_size: IntOrPair,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: PaddingForm = 0,
    dilation: IntOrPair = 1,
) -> Tensor:
    """The adjoint of ``im2col``: add each column back onto its pixels, PyTorch's ``fold``.

    columns (N, C·KH·KW, L) -> (N, C, *output_size); overlapping windows add up.
    Raises ValueError when the columns do not belong to this window and output size.

    >>> columns = mc.ops.im2col(mc.tensor(np.ones((1, 1, 2, 3))), 2)
    >>> mc.ops.col2im(columns, (2, 3), 2).data.tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    """
    check_float("col2im", columns=columns)
    size = check_pair("col2im: output_size", output_size)
    window = make_window("col2im", size, kernel_size, stride, padding, dilation)
    (kh, kw), (oh, ow) = window.kernel_size, window.output_size
    if columns.ndim != 3 or columns.shape[1] % (kh * kw) or columns.shape[2] != oh * ow:
        raise ValueError(
            f"col2im: columns have shape {columns.shape}, expected (N, C·{kh * kw}, {oh * ow}): "
            f"{oh}x{ow} places of {kh}x{kw} taps"
        )
    return Col2Im.apply(columns, window=window)


unfold = im2col
fold = col2im

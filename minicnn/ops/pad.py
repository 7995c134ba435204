"""Padding: pixels added around an image, or with negative numbers cut off."""

from __future__ import annotations

from ..autograd import Tensor
from ..backend import Array, kernels_for
from ..backend.geometry import PaddingForm, Sides, sides
from ..backend.layout import as_chwn, as_nchw
from ..backend.padding import PADDING_MODES, IndexMap, padding_map
from ..checks import check_choice, check_number
from .check import check_images
from .convert import in_float32
from .linear_map import LinearMap


class Pad2d(LinearMap):
    """Linear for value = 0; another value is a constant, which has no part in the gradient."""

    def forward(self, x: Array, *, rows: IndexMap, columns: IndexMap, value: float = 0.0) -> Array:
        return as_nchw(kernels_for(x).pad(as_chwn(x), rows, columns, value))

    def backward(self, grad: Tensor) -> Tensor:
        rows, columns = self.options["rows"], self.options["columns"]
        return Pad2dAdjoint.apply(grad, rows=rows, columns=columns, shape=self.shapes[0])


class Pad2dAdjoint(LinearMap, adjoint_of=Pad2d):
    takes_shape = True

    def forward(
        self, y: Array, *, rows: IndexMap, columns: IndexMap, shape: tuple[int, ...]
    ) -> Array:
        size = (shape[2], shape[3])
        return as_nchw(kernels_for(y).pad_adjoint(as_chwn(y), rows, columns, size))


pad_by_maps = in_float32(Pad2d.apply)


def pad2d(x: Tensor, padding: PaddingForm, mode: str = "zeros", value: float = 0.0) -> Tensor:
    """Add pixels around each image: x (N, C, H, W) -> (N, C, H + top + bottom, W + left + right).

    padding: p, (p_h, p_w) or ((top, bottom), (left, right)); negative numbers crop.
    mode: what the new pixels hold, here for a row 1 2 3 padded by 2 on both sides:
        "zeros"      0 0 1 2 3 0 0
        "constant"   v v 1 2 3 v v   with v = value
        "reflect"    3 2 1 2 3 2 1   at most size - 1 pixels
        "replicate"  1 1 1 2 3 3 3
        "circular"   2 3 1 2 3 1 2   at most size pixels, after a crop on the other side
    The gradient of a new pixel goes to the pixel it copies.
    Raises ValueError for an unknown mode, a padding too large for it, or a crop of everything.

    >>> x = mc.tensor([[[[1.0, 2.0, 3.0]]]])
    >>> mc.ops.pad2d(x, (0, 2), "reflect")
    tensor([[[[3., 2., 1., 2., 3., 2., 1.]]]])
    """
    check_images("pad2d", x)
    check_choice("pad2d: mode", mode, PADDING_MODES)
    value = check_number("pad2d: value", value)
    both = sides(padding, "pad2d: padding", least=None)
    return pad_sides("pad2d", x, both, mode, value if mode == "constant" else 0.0)


def pad_sides(op: str, x: Tensor, both: Sides, mode: str, value: float = 0.0) -> Tensor:
    """``pad2d`` for another op, which has checked everything but how much the mode allows."""
    rows, columns = (
        padding_map(size, before, after, mode, f"{op}: padding")
        for size, (before, after) in zip(x.shape[2:], both, strict=True)
    )
    return pad_by_maps(x, rows=rows, columns=columns, value=value)

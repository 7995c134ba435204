"""The padding layers: ``ops.pad2d`` in each of its modes.

padding: p, (p_h, p_w) or ((top, bottom), (left, right)). PyTorch's four numbers in a row are
refused, since they come in another order: left, right, top, bottom.
"""

from __future__ import annotations

from typing import ClassVar

from .. import ops
from ..autograd import Tensor
from ..backend.geometry import PaddingForm, sides
from ..checks import check_number
from .module import Module


class ZeroPad2d(Module):
    """Zeros around each image, see ``ops.pad2d``; negative numbers crop."""

    mode: ClassVar[str] = "zeros"

    def __init__(self, padding: PaddingForm) -> None:
        sides(padding, f"{type(self).__name__}: padding", least=None)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return ops.pad2d(x, self.padding, self.mode)


class ReflectionPad2d(ZeroPad2d):
    """The image mirrored at its edge pixels, see ``ops.pad2d``."""

    mode: ClassVar[str] = "reflect"


class ReplicationPad2d(ZeroPad2d):
    """The edge pixels repeated, see ``ops.pad2d``."""

    mode: ClassVar[str] = "replicate"


class CircularPad2d(ZeroPad2d):
    """The image wrapped around, see ``ops.pad2d``."""

    mode: ClassVar[str] = "circular"


class ConstantPad2d(Module):
    """One value around each image, see ``ops.pad2d``."""

    def __init__(self, padding: PaddingForm, value: float) -> None:
        sides(padding, "ConstantPad2d: padding", least=None)
        self.padding = padding
        self.value = check_number("ConstantPad2d: value", value)

    def forward(self, x: Tensor) -> Tensor:
        return ops.pad2d(x, self.padding, "constant", self.value)

"""The padding layers: ``ops.pad2d`` in each of its modes.

padding: p, (p_h, p_w) or ((top, bottom), (left, right)). PyTorch's four numbers in a row raise an
error, since they have another order: left, right, top, bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import ops
from ..autograd import Tensor
from ..backend.geometry import PaddingForm, sides
from ..checks import check_number
from .op_layer import OpLayer


@dataclass(eq=False, repr=False)
class ZeroPad2d(OpLayer):
    """Zeros around each image, see ``ops.pad2d``; negative numbers crop.

    >>> mc.nn.ZeroPad2d(((0, 0), (1, 2)))(mc.tensor([[[[1.0, 2.0, 3.0]]]])).data[0, 0]
    array([[0., 1., 2., 3., 0., 0.]], dtype=float32)
    """

    mode: ClassVar[str] = "zeros"
    padding: PaddingForm

    def __post_init__(self) -> None:
        sides(self.padding, f"{type(self).__name__}: padding", least=None)

    def forward(self, x: Tensor) -> Tensor:
        return ops.pad2d(x, self.padding, self.mode)


@dataclass(eq=False, repr=False)
class ReflectionPad2d(ZeroPad2d):
    """The image mirrored at its edge pixels, see ``ops.pad2d``.

    >>> mc.nn.ReflectionPad2d(((0, 0), (1, 2)))(mc.tensor([[[[1.0, 2.0, 3.0]]]])).data[0, 0]
    array([[2., 1., 2., 3., 2., 1.]], dtype=float32)
    """

    mode = "reflect"


@dataclass(eq=False, repr=False)
class ReplicationPad2d(ZeroPad2d):
    """The edge pixels repeated, see ``ops.pad2d``.

    >>> mc.nn.ReplicationPad2d(((0, 0), (1, 2)))(mc.tensor([[[[1.0, 2.0, 3.0]]]])).data[0, 0]
    array([[1., 1., 2., 3., 3., 3.]], dtype=float32)
    """

    mode = "replicate"


@dataclass(eq=False, repr=False)
class CircularPad2d(ZeroPad2d):
    """The image wrapped around, see ``ops.pad2d``.

    >>> mc.nn.CircularPad2d(((0, 0), (1, 2)))(mc.tensor([[[[1.0, 2.0, 3.0]]]])).data[0, 0]
    array([[3., 1., 2., 3., 1., 2.]], dtype=float32)
    """

    mode = "circular"


@dataclass(eq=False, repr=False)
class ConstantPad2d(ZeroPad2d):
    """One value around each image, see ``ops.pad2d``.

    >>> mc.nn.ConstantPad2d(((0, 0), (1, 2)), 7.0)(mc.tensor([[[[1.0, 2.0, 3.0]]]])).data[0, 0]
    array([[7., 1., 2., 3., 7., 7.]], dtype=float32)
    """

    mode = "constant"
    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.value = check_number(f"{type(self).__name__}: value", self.value)

    def forward(self, x: Tensor) -> Tensor:
        return ops.pad2d(x, self.padding, self.mode, self.value)

"""The pooling layers, each with the options of its op."""

from __future__ import annotations

from dataclasses import dataclass

from .. import ops
from ..backend.geometry import PaddingForm
from ..checks import IntOrPair
from ..ops.global_pool import SizeForm
from .op_layer import OpLayer


class _WindowLayer(OpLayer):
    """A pooling with a window, whose stride is by default the size of the window."""

    kernel_size: IntOrPair
    stride: IntOrPair | None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stride = self.kernel_size if self.stride is None else self.stride


@dataclass(eq=False, repr=False)
class MaxPool2d(_WindowLayer):
    """The largest pixel of each window, see ``ops.max_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.MaxPool2d(2)(image).data[0, 0]
    array([[ 5.,  7.], [13., 15.]])
    """

    op = staticmethod(ops.max_pool2d)
    kernel_size: IntOrPair
    stride: IntOrPair | None = None
    padding: PaddingForm = 0
    dilation: IntOrPair = 1
    return_indices: bool = False
    ceil_mode: bool = False


@dataclass(eq=False, repr=False)
class MinPool2d(MaxPool2d):
    """The smallest pixel of each window, see ``ops.min_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.MinPool2d(2)(image).data[0, 0]
    array([[ 0.,  2.], [ 8., 10.]])
    """

    op = staticmethod(ops.min_pool2d)


@dataclass(eq=False, repr=False)
class MaxUnpool2d(_WindowLayer):
    """Puts pooled values back: called with them and their indices, see ``ops.max_unpool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> pooled, indices = mc.nn.MaxPool2d(2, return_indices=True)(image)
    >>> mc.nn.MaxUnpool2d(2)(pooled, indices).data[0, 0, 1]
    array([0., 5., 0., 7.])
    """

    op = staticmethod(ops.max_unpool2d)
    kernel_size: IntOrPair
    stride: IntOrPair | None = None
    padding: PaddingForm = 0


@dataclass(eq=False, repr=False)
class AvgPool2d(_WindowLayer):
    """The mean of each window, see ``ops.avg_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.AvgPool2d(2)(image).data[0, 0]
    array([[ 2.5,  4.5], [10.5, 12.5]])
    """

    op = staticmethod(ops.avg_pool2d)
    kernel_size: IntOrPair
    stride: IntOrPair | None = None
    padding: PaddingForm = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: float | None = None


@dataclass(eq=False, repr=False)
class LPPool2d(_WindowLayer):
    """The p-norm of each window, see ``ops.lp_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.LPPool2d(1, 2)(image).data[0, 0]  # the 1-norm is the sum of the absolute values
    array([[10., 18.], [42., 50.]])
    """

    op = staticmethod(ops.lp_pool2d)
    norm_type: float
    kernel_size: IntOrPair
    stride: IntOrPair | None = None
    ceil_mode: bool = False
    padding: PaddingForm = 0


@dataclass(eq=False, repr=False)
class GlobalMaxPool2d(OpLayer):
    """The largest pixel of each map: (N, C, H, W) -> (N, C), see ``ops.global_max_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.GlobalMaxPool2d()(image).data
    array([[15.]])
    """

    op = staticmethod(ops.global_max_pool2d)
    keepdim: bool = False


@dataclass(eq=False, repr=False)
class GlobalMinPool2d(GlobalMaxPool2d):
    """The smallest pixel of each map, see ``ops.global_min_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.GlobalMinPool2d()(image).data
    array([[0.]])
    """

    op = staticmethod(ops.global_min_pool2d)


@dataclass(eq=False, repr=False)
class GlobalAvgPool2d(GlobalMaxPool2d):
    """The mean of each map, see ``ops.global_avg_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.GlobalAvgPool2d()(image).data
    array([[7.5]])
    """

    op = staticmethod(ops.global_avg_pool2d)


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool2d(OpLayer):
    """The means of output_size regions, see ``ops.adaptive_avg_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.AdaptiveAvgPool2d((1, 2))(image).data[0, 0]
    array([[6.5, 8.5]])
    """

    op = staticmethod(ops.adaptive_avg_pool2d)
    output_size: SizeForm


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool2d(AdaptiveAvgPool2d):
    """The largest pixels of output_size regions, see ``ops.adaptive_max_pool2d``.

    >>> image = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> mc.nn.AdaptiveMaxPool2d((1, 2))(image).data[0, 0]
    array([[13., 15.]])
    """

    op = staticmethod(ops.adaptive_max_pool2d)

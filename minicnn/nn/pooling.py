"""The pooling layers: each holds the options of the op of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .. import ops
from ..autograd import Tensor
from ..backend.geometry import PaddingForm
from .module import Module


class MaxPool2d(Module):
    """The largest pixel of each window, see ``ops.max_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.max_pool2d)

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: PaddingForm = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self.op(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class MinPool2d(MaxPool2d):
    """The smallest pixel of each window, see ``ops.min_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.min_pool2d)


class MaxUnpool2d(Module):
    """Puts pooled values back: called with them and their indices, see ``ops.max_unpool2d``."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: PaddingForm = 0) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, x: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return ops.max_unpool2d(
            x, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class AvgPool2d(Module):
    """The mean of each window, see ``ops.avg_pool2d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: PaddingForm = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: float | None = None,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, x: Tensor) -> Tensor:
        return ops.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class LPPool2d(Module):
    """The p-norm of each window, see ``ops.lp_pool2d``."""

    def __init__(
        self,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
        padding: PaddingForm = 0,
    ) -> None:
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.padding = ceil_mode, padding

    def forward(self, x: Tensor) -> Tensor:
        return ops.lp_pool2d(
            x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode, self.padding
        )


class GlobalMaxPool2d(Module):
    """The largest pixel of each map: (N, C, H, W) -> (N, C), see ``ops.global_max_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.global_max_pool2d)

    def __init__(self, keepdim: bool = False) -> None:
        self.keepdim = keepdim

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x, self.keepdim)


class GlobalMinPool2d(GlobalMaxPool2d):
    """The smallest pixel of each map, see ``ops.global_min_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.global_min_pool2d)


class GlobalAvgPool2d(GlobalMaxPool2d):
    """The mean of each map, see ``ops.global_avg_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.global_avg_pool2d)


class AdaptiveAvgPool2d(Module):
    """The means of as many regions as output_size says, see ``ops.adaptive_avg_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.adaptive_avg_pool2d)

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x, self.output_size)


class AdaptiveMaxPool2d(AdaptiveAvgPool2d):
    """The largest pixels of these regions, see ``ops.adaptive_max_pool2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.adaptive_max_pool2d)

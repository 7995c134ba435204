"""The layers with weights, and what stands between them: each calls the op of the same name."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..autograd import Parameter, Tensor
from ..backend.geometry import PaddingForm
from ..backend.padding import PADDING_MODES
from ..checks import check_pair
from . import init
from .module import Module
from .parameters import check_positive, filled


class Linear(Module):
    """Dense layer y = x Wᵀ + b: (N, in_features) -> (N, out_features), see ``ops.linear``.

    Weight and bias start uniform in ±1 / sqrt(in_features), PyTorch's default.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        check_positive("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight, self.bias = _weights((out_features, in_features), out_features, bias)

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias)

    def _options(self) -> str:
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class Conv2d(Module):
    """Convolution: (N, in_channels, H, W) -> (N, out_channels, OH, OW), see ``ops.conv2d``.

    Weight and bias start uniform in ±1 / sqrt(fan_in), PyTorch's default.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: PaddingForm = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        _check_groups("Conv2d", in_channels, out_channels, groups)
        if padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode: got {padding_mode!r}, expected one of {', '.join(PADDING_MODES)}"
            )
        self.kernel_size = check_pair("kernel_size", kernel_size)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.padding_mode = groups, padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight, self.bias = _weights(shape, out_channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.padding_mode,
        )

    def _options(self) -> str:
        out_channels, per_group = self.weight.shape[:2]
        return (
            f"{per_group * self.groups}, {out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding!r}"
        )


class ConvTranspose2d(Module):
    """Transposed convolution: (N, in_channels, H, W) -> (N, out_channels, OH, OW).

    See ``ops.conv_transpose2d``. Weight and bias start uniform in ±1 / sqrt(fan_in), where fan_in
    counts out_channels/groups·KH·KW, as in PyTorch.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: PaddingForm = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
    ) -> None:
        _check_groups("ConvTranspose2d", in_channels, out_channels, groups)
        self.kernel_size = check_pair("kernel_size", kernel_size)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.dilation = groups, dilation
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight, self.bias = _weights(shape, out_channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def _options(self) -> str:
        in_channels, per_group = self.weight.shape[:2]
        return (
            f"{in_channels}, {per_group * self.groups}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding!r}"
        )


class Flatten(Module):
    """All axes from start_axis on in one: (N, C, H, W) -> (N, C·H·W)."""

    def __init__(self, start_axis: int = 1) -> None:
        self.start_axis = start_axis

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.start_axis)


class Identity(Module):
    """The input itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def _weights(
    shape: tuple[int, ...], outputs: int, bias: bool
) -> tuple[Parameter, Parameter | None]:
    """Weight and bias, both uniform in ±1 / sqrt(fan_in), float32, on the default device."""
    weight = Parameter(filled(shape, 0.0))
    fan_in, _ = init.fans(weight)
    bound = 1 / math.sqrt(fan_in)
    init.uniform_(weight, -bound, bound)
    if not bias:
        return weight, None
    offsets = Parameter(filled((outputs,), 0.0))
    init.uniform_(offsets, -bound, bound)
    return weight, offsets


def _check_groups(layer: str, in_channels: int, out_channels: int, groups: int) -> None:
    check_positive(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
    if in_channels % groups or out_channels % groups:
        raise ValueError(
            f"{layer}: {in_channels} input and {out_channels} output channels "
            f"cannot be cut into {groups} groups"
        )

"""The layers with weights, and Flatten and Identity: each calls the op of the same name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .. import ops
from ..autograd import Parameter, Tensor
from ..backend.geometry import PaddingForm
from ..backend.padding import PADDING_MODES
from ..checks import IntOrPair, check_choice, check_flag, check_integer, check_pair
from . import init
from .module import Module
from .op_layer import OpLayer, check_padding
from .parameters import filled


class Linear(Module):
    """Dense layer y = x Wᵀ + b: (N, in_features) -> (N, out_features), see ``ops.linear``.

    Weight and bias are initialised uniformly in ±1 / sqrt(in_features), PyTorch's default.
    Raises TypeError or ValueError for sizes that are not integers of 1 or more.

    >>> layer = mc.nn.Linear(3, 2)
    >>> layer(mc.tensor(np.zeros((5, 3), np.float32))).shape
    (5, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        name = type(self).__name__
        self.in_features = check_integer(f"{name}: in_features", in_features, least=1)
        self.out_features = check_integer(f"{name}: out_features", out_features, least=1)
        check_flag(f"{name}: bias", bias)
        self.weight, self.bias = _weights((out_features, in_features), out_features, bias)

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias)

    def _would_fit(self, *inputs: Any) -> str:
        x = inputs[0] if inputs else None
        if not isinstance(x, Tensor) or x.ndim < 2 or x.shape[-1] == self.in_features:
            return ""
        flat = math.prod(x.shape[1:])
        if flat == self.in_features:
            return "Flatten() before it"
        if x.ndim == 4:  # images, whose last axis is seldom what was meant
            return f"Flatten() and Linear({flat}, {self.out_features}{self._changed()})"
        return f"Linear({x.shape[-1]}, {self.out_features}{self._changed()})"

    def _options(self) -> str:
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class _Convolution(Module):
    """What both convolutions share: their channels, window, groups and weights."""

    def _set(
        self,
        channels: tuple[int, int],
        kernel_size: IntOrPair,
        stride: IntOrPair,
        padding: PaddingForm,
        dilation: IntOrPair,
        groups: int,
        bias: bool,
        transposed: bool = False,
    ) -> None:
        name = type(self).__name__
        sizes = {"in_channels": channels[0], "out_channels": channels[1], "groups": groups}
        for argument, size in sizes.items():
            check_integer(f"{name}: {argument}", size, least=1)
        if channels[0] % groups or channels[1] % groups:
            raise ValueError(
                f"{name}: {channels[0]} input and {channels[1]} output channels "
                f"cannot be cut into {groups} groups"
            )
        self.in_channels, self.out_channels = channels
        self.kernel_size = check_pair(f"{name}: kernel_size", kernel_size)
        for argument, value in {"stride": stride, "dilation": dilation}.items():
            check_pair(f"{name}: {argument}", value)
        check_padding(f"{name}: padding", padding, ("valid",) if transposed else ("valid", "same"))
        check_flag(f"{name}: bias", bias)
        self.stride, self.padding = stride, padding
        self.dilation, self.groups = dilation, groups
        first, second = channels if transposed else channels[::-1]
        shape = (first, second // groups, *self.kernel_size)
        self.weight, self.bias = _weights(shape, self.out_channels, bias)

    def _would_fit(self, *inputs: Any) -> str:
        shape = inputs[0].shape if inputs and isinstance(inputs[0], Tensor) else ()
        if len(shape) == 3 and shape[0] == self.in_channels:
            return "a batch of one image, x.reshape(1, *x.shape),"
        if len(shape) == 3 and self.in_channels == 1:
            return "images with a channel axis, x[:, None],"
        if len(shape) != 4 or shape[1] == self.in_channels:
            return ""
        if shape[3] == self.in_channels < min(shape[1:3]):
            return "channels first, x.permute(0, 3, 1, 2),"
        if shape[1] % self.groups:
            return ""
        more = self._changed(
            stride=1, padding=0, output_padding=0, dilation=1, groups=1, padding_mode="zeros"
        )
        shown = f"{shape[1]}, {self.out_channels}, {self.kernel_size}{more}"
        return f"{type(self).__name__}({shown})"

    def _options(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding!r}"
        )


class Conv2d(_Convolution):
    """Convolution: (N, in_channels, H, W) -> (N, out_channels, OH, OW), see ``ops.conv2d``.

    Weight and bias are initialised uniformly in ±1 / sqrt(fan_in), PyTorch's default. Raises
    TypeError or ValueError for sizes that are not integers of 1 or more, or channels that groups
    does not divide.

    >>> layer = mc.nn.Conv2d(1, 6, 5, padding=2)
    >>> layer(mc.tensor(np.zeros((2, 1, 28, 28), np.float32))).shape
    (2, 6, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: PaddingForm = 0,
        dilation: IntOrPair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        where = f"{type(self).__name__}: padding_mode"
        self.padding_mode = check_choice(where, padding_mode, PADDING_MODES)
        channels = (in_channels, out_channels)
        self._set(channels, kernel_size, stride, padding, dilation, groups, bias)

    def forward(self, x: Tensor) -> Tensor:
        window = (self.stride, self.padding, self.dilation)
        return ops.conv2d(x, self.weight, self.bias, *window, self.groups, self.padding_mode)


class ConvTranspose2d(_Convolution):
    """Transposed convolution: (N, in_channels, H, W) -> (N, out_channels, OH, OW).

    See ``ops.conv_transpose2d``. Weight and bias are initialised uniformly in ±1 / sqrt(fan_in),
    where fan_in counts out_channels/groups·KH·KW, as in PyTorch. Raises the errors of Conv2d.

    >>> layer = mc.nn.ConvTranspose2d(6, 1, 2, stride=2)
    >>> layer(mc.tensor(np.zeros((2, 6, 14, 14), np.float32))).shape
    (2, 1, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: PaddingForm = 0,
        output_padding: IntOrPair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrPair = 1,
    ) -> None:
        check_pair(f"{type(self).__name__}: output_padding", output_padding, least=0)
        self.output_padding = output_padding
        channels = (in_channels, out_channels)
        self._set(channels, kernel_size, stride, padding, dilation, groups, bias, transposed=True)

    def forward(self, x: Tensor) -> Tensor:
        window = (self.stride, self.padding, self.output_padding)
        return ops.conv_transpose2d(x, self.weight, self.bias, *window, self.groups, self.dilation)


@dataclass(eq=False, repr=False)
class Flatten(OpLayer):
    """All axes from start_axis on in one: (N, C, H, W) -> (N, C·H·W).

    >>> mc.nn.Flatten()(mc.tensor(np.zeros((2, 16, 4, 4)))).shape
    (2, 256)
    """

    op = staticmethod(ops.flatten)
    start_axis: int = 1


class Identity(Module):
    """The input itself.

    >>> x = mc.tensor([1.0])
    >>> mc.nn.Identity()(x) is x
    True
    """

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

"""Convolutions: one output number is a weighted sum of the pixels under the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backend.geometry import make_window, sides
from ..checks import Pair, check_pair
from .explanation import Asked, Explanation, as_float64, window_lines
from .text import grid, labelled_numbers, numbers, places, side_by_side
from .view import Axis, View, view_of_window

if TYPE_CHECKING:
    from ..viz import Picture


MOST_CHANNELS = 3


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WeightedSum(Explanation):
    """result = sum over channels, rows and columns of patch · kernel, + bias.

    channels are the input channels that are seen (those of the group), view says which pixels,
    patch and kernel (channels, KH, KW) hold their values and weights; bias is None without one.
    """

    channels: range
    view: View
    patch: NDArray[Any]
    kernel: NDArray[Any]
    bias: float | None
    note: str = ""

    @property
    def products(self) -> NDArray[Any]:
        """patch · kernel, (channels, KH, KW)."""
        return self.patch * self.kernel

    @property
    def channel_sums(self) -> NDArray[Any]:
        """The sum of the products of each channel, (channels,)."""
        return self.products.sum((1, 2))

    @property
    def result(self) -> float:
        """The output number: the sum of the channel sums and the bias."""
        return float(self.channel_sums.sum() + (self.bias or 0.0))

    @property
    def shown(self) -> range:
        """The first channels, which are shown in full."""
        return self.channels[:MOST_CHANNELS]

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        if not self.patch.size:
            return [self.note, "", *self._total()]
        lines = [*window_lines(self.image, self.view), *([self.note] if self.note else [])]
        for k, channel in enumerate(self.shown):
            lines += ["", f"channel {channel}"] if len(self.channels) > 1 else [""]
            patch = grid("patch", self.patch[k], self.view)
            kernel, products = grid("kernel", self.kernel[k]), grid("products", self.products[k])
            lines += side_by_side([""], patch, "x", kernel, "=", products)
        return [*lines, "", *self._total()]

    @property
    def steps(self) -> list[tuple[str, float]]:
        """What is summed up, each with its label."""
        sums = self.channel_sums
        steps = [(f"sum over channel {c}", float(sums[k])) for k, c in enumerate(self.shown)]
        if more := len(sums) - len(steps):
            label = f"... {more} more channel{'s' * (more > 1)}, sum"
            steps.append((label, float(sums[len(steps) :].sum())))
        return steps if self.bias is None else [*steps, ("bias", self.bias)]

    def _total(self) -> list[str]:
        signs = [" ", *["+"] * (len(self.steps) - 1), "="]
        labels, values = zip(*self.steps, ("result", self.result), strict=True)
        texts = numbers(values, digits=6)
        return labelled_numbers(
            [(f"{s} {b}", t) for s, b, t in zip(signs, labels, texts, strict=True)]
        )

    def picture(self) -> Picture:
        """The input with the window, patch x kernel = products for the first channels, the sum."""
        from .drawing import draw_weighted_sum

        return draw_weighted_sum(self)


def explain_conv2d(asked: Asked) -> WeightedSum:
    """One output number of a ``Conv2d``."""
    layer, (_, output, i, j) = asked.layer, asked.place
    height, width = asked.image.shape[1:]
    window = make_window(
        "conv2d", (height, width), layer.kernel_size, layer.stride, layer.padding, layer.dilation
    )
    view = view_of_window(window, i, j, layer.padding_mode)
    kernel = as_float64(layer.weight, output)  # (C/G, KH, KW)
    outputs, per_group = layer.weight.shape[:2]
    first = output // (outputs // layer.groups) * per_group
    return _weighted_sum(asked, view, range(first, first + per_group), kernel)


def explain_conv_transpose2d(asked: Asked) -> WeightedSum:
    """One output number of a ``ConvTranspose2d``: from the pixels whose kernels reach it."""
    layer, (_, output, i, j) = asked.layer, asked.place
    in_channels, per_group = layer.weight.shape[:2]
    seen = in_channels // layer.groups
    first = output // per_group * seen
    kernel = as_float64(layer.weight, slice(first, first + seen))[:, output % per_group]
    cut = sides(0 if layer.padding == "valid" else layer.padding)
    stride, dilation = check_pair("stride", layer.stride), check_pair("dilation", layer.dilation)
    rows, columns = (
        _reaching(place + cut[axis][0], axis, asked.image, kernel, stride, dilation)
        for axis, place in enumerate((i, j))
    )
    view = View(_pixels(rows, asked.image.shape[1]), _pixels(columns, asked.image.shape[2]))
    kh, kw = ([tap for _, tap in axis] for axis in (rows, columns))
    kernel = kernel[:, np.array(kh, int)[:, None], np.array(kw, int)]
    note = "no kernel of an input pixel reaches this place"
    if kernel.size:
        note = (
            "each input pixel adds a copy of the kernel to the output; "
            f"its rows {places(kh)} and columns {places(kw)} fall here"
        )
    return _weighted_sum(asked, view, range(first, first + seen), kernel, note)


def _reaching(
    place: int, axis: int, image: NDArray[Any], kernel: NDArray[Any], stride: Pair, dilation: Pair
) -> list[Pair]:
    """Pairs (pixel, tap) with pixel · stride + tap · dilation = place, along one axis."""
    ways = ((place - tap * dilation[axis], tap) for tap in range(kernel.shape[1 + axis]))
    found = [(at // stride[axis], tap) for at, tap in ways if at % stride[axis] == 0]
    return sorted((pixel, tap) for pixel, tap in found if 0 <= pixel < image.shape[1 + axis])


def _pixels(reaching: list[Pair], size: int) -> Axis:
    pixels = tuple(pixel for pixel, _ in reaching)
    return Axis(size, pixels, pixels, size)


def _weighted_sum(
    asked: Asked, view: View, channels: range, kernel: NDArray[Any], note: str = ""
) -> WeightedSum:
    bias = asked.layer.bias
    return WeightedSum(
        **asked._asdict(),
        channels=channels,
        view=view,
        patch=view.read(asked.image[channels.start : channels.stop]),
        kernel=kernel,
        bias=None if bias is None else float(as_float64(bias, asked.place[1])),
        note=note,
    )

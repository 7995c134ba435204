"""Convolutions: one output number is a weighted sum of the pixels under the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backend.geometry import make_window, sides
from ..checks import Pair, check_pair
from .explanation import Explanation, Query, as_float64
from .text import (
    describe_positions,
    describe_window,
    format_grid,
    format_numbers,
    labelled_numbers,
    side_by_side,
)
from .view import View, make_pixel_axis, view_window

if TYPE_CHECKING:
    from ..viz import Picture


MOST_CHANNELS = 3


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WeightedSum(Explanation):
    """result = sum over channels, rows and columns of patch · kernel, + bias.

    channels are the input channels that the output depends on (those of its group), view says which
    pixels, patch and kernel (channels, KH, KW) hold their values and weights; bias may be None.
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

    @property
    def steps(self) -> list[tuple[str, float]]:
        """The terms of the sum, each with its label."""
        sums = self.channel_sums
        steps = [(f"sum over channel {c}", float(sums[k])) for k, c in enumerate(self.shown)]
        if more := len(sums) - len(steps):
            label = f"... {more} more channel{'s' * (more > 1)}, sum"
            steps.append((label, float(sums[len(steps) :].sum())))
        return steps if self.bias is None else [*steps, ("bias", self.bias)]

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        if not self.patch.size:
            return [self.note, "", *self._total()]
        lines = [*describe_window(self.image, self.view), *([self.note] if self.note else [])]
        for k, channel in enumerate(self.shown):
            lines += ["", f"channel {channel}"] if len(self.channels) > 1 else [""]
            patch = format_grid("patch", self.patch[k], self.view)
            kernel = format_grid("kernel", self.kernel[k])
            products = format_grid("products", self.products[k])
            lines += side_by_side([""], patch, "x", kernel, "=", products)
        return [*lines, "", *self._total()]

    def _total(self) -> list[str]:
        """The terms below each other, and their sum."""
        labels, values = zip(*self.steps, ("result", self.result), strict=True)
        signs = [" ", *["+"] * (len(labels) - 2), "="]
        signed = [f"{sign} {label}" for sign, label in zip(signs, labels, strict=True)]
        return labelled_numbers(list(zip(signed, format_numbers(values, digits=6), strict=True)))

    def picture(self) -> Picture:
        """Draw the input with the window, patch x kernel = products of the first channels, the sum.

        Raises ImportError without matplotlib.
        """
        from ..viz.picture import centred_scale, colour_scale, subplots
        from .drawing import draw_cells, draw_map

        rows = len(self.shown) if self.patch.size else 1
        picture, axes = subplots(rows, 4, (9.0, 2.3 * rows + 0.5), squeeze=False)
        scale = colour_scale(self.image[self.channels.start : self.channels.stop], self.patch)
        kernel_scale, product_scale = centred_scale(self.kernel), centred_scale(self.products)
        for k, channel in enumerate(self.shown[:rows]):
            image, patch, kernel, products = axes[k]
            draw_map(image, f"input, channel {channel}", self.image[channel], scale, self.view)
            draw_cells(patch, "patch", self.patch[k], scale, self.view)
            draw_cells(kernel, "kernel", self.kernel[k], kernel_scale)
            title = f"products, sum {self.channel_sums[k]:.3g}"
            draw_cells(products, title, self.products[k], product_scale)
            for right, sign in ((kernel, "\N{MULTIPLICATION SIGN}"), (products, "=")):
                style = {"transform": right.transAxes, "ha": "right", "va": "center", "size": 14}
                right.text(-0.1, 0.5, sign, **style)
        picture.suptitle(f"{self.name} = {self._formula()}")
        return picture

    def _formula(self) -> str:
        """0.12 - 0.05 + 0.31 (58 more channels) + 0.02 (bias) = 0.4."""
        texts: list[str] = []
        for label, value in self.steps:
            label = label.strip(".,").replace(", sum", "").strip()
            note = "" if label.startswith("sum") else f" ({label})"
            sign = "" if not texts else "- " if value < 0 else "+ "
            texts.append(f"{sign}{abs(value) if texts else value:.3g}{note}")
        return f"{' '.join(texts)} = {self.result:.4g}"


def explain_conv2d(query: Query) -> WeightedSum:
    """One output number of a ``Conv2d``."""
    layer, (_, output, i, j) = query.layer, query.place
    height, width = query.image.shape[1:]
    window = make_window(
        "conv2d", (height, width), layer.kernel_size, layer.stride, layer.padding, layer.dilation
    )
    view = view_window(window, i, j, layer.padding_mode)
    kernel = as_float64(layer.weight, output)  # (C/G, KH, KW)
    outputs, per_group = layer.weight.shape[:2]
    first = output // (outputs // layer.groups) * per_group
    return _make_weighted_sum(query, view, range(first, first + per_group), kernel)


def explain_conv_transpose2d(query: Query) -> WeightedSum:
    """One output number of a ``ConvTranspose2d``: the input pixels whose kernels cover it."""
    layer, (_, output, i, j) = query.layer, query.place
    in_channels, per_group = layer.weight.shape[:2]
    group_size = in_channels // layer.groups
    first = output // per_group * group_size
    kernel = as_float64(layer.weight, slice(first, first + group_size))[:, output % per_group]
    cut = sides(0 if layer.padding == "valid" else layer.padding)
    stride, dilation = check_pair("stride", layer.stride), check_pair("dilation", layer.dilation)
    (rows, kh), (columns, kw) = (
        _find_pixels_and_taps(
            place + cut[axis][0],
            query.image.shape[1 + axis],
            kernel.shape[1 + axis],
            stride[axis],
            dilation[axis],
        )
        for axis, place in enumerate((i, j))
    )
    height, width = query.image.shape[1:]
    view = View(make_pixel_axis(height, rows), make_pixel_axis(width, columns))
    kernel = kernel[:, np.array(kh, int)[:, None], np.array(kw, int)]
    channels = range(first, first + group_size)
    return _make_weighted_sum(query, view, channels, kernel, _describe_taps(kh, kw))


def _find_pixels_and_taps(
    place: int, size: int, kernel_size: int, stride: int, dilation: int
) -> tuple[list[int], list[int]]:
    """The pixels and taps with pixel · stride + tap · dilation = place along one axis."""
    pairs: list[Pair] = []
    for tap in range(kernel_size):
        pixel, rest = divmod(place - tap * dilation, stride)
        if rest == 0 and 0 <= pixel < size:
            pairs.append((pixel, tap))
    pairs.sort()
    return [pixel for pixel, _ in pairs], [tap for _, tap in pairs]


def _describe_taps(kh: list[int], kw: list[int]) -> str:
    if not kh or not kw:
        return "no kernel of an input pixel reaches this position"
    return (
        "each input pixel adds a copy of the kernel to the output; "
        f"its rows {describe_positions(kh)} and columns {describe_positions(kw)} fall here"
    )


def _make_weighted_sum(
    query: Query, view: View, channels: range, kernel: NDArray[Any], note: str = ""
) -> WeightedSum:
    bias = query.layer.bias
    return WeightedSum(
        **query._asdict(),
        channels=channels,
        view=view,
        patch=view.read(query.image[channels.start : channels.stop]),
        kernel=kernel,
        bias=None if bias is None else float(as_float64(bias, query.place[1])),
        note=note,
    )

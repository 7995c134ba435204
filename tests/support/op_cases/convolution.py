"""Convolution, its columns, and padding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minicnn import ops
from minicnn.testing import strategies

from .case import Array, Call, Draw, F, OpCase, numbers
from .windows import pad_in_torch, places, window_in_torch


def conv2d(draw: Draw) -> Call:
    x, weight, bias, options = draw(strategies.conv2d_cases(max_size=6, min_batch=0))
    mode = draw(st.sampled_from(["zeros", "zeros", "replicate"]))
    return [t for t in (x, weight, bias) if t is not None], {**options, "padding_mode": mode}


def loop_conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    groups: int,
    padding_mode: str,
    **options: Any,
) -> Array:
    if padding_mode == "replicate":
        (first, *_) = places(x.shape[2:], weight.shape[2:], **options)
        x = np.pad(x, ((0, 0), (0, 0), *first.window.padding), "edge")
        options["padding"] = 0
    walk = list(places(x.shape[2:], weight.shape[2:], **options))
    outputs, per_group = weight.shape[:2]
    y = np.zeros((len(x), outputs, *walk[0].window.output_size))
    for _, oh, ow, taps in walk:
        for o in range(outputs):
            first = o // (outputs // groups) * per_group
            for kh, kw, ih, iw in taps:
                y[:, o, oh, ow] += x[:, first : first + per_group, ih, iw] @ weight[o, :, kh, kw]
            y[:, o, oh, ow] += 0 if bias is None else bias[o]
    return y


def conv2d_in_torch(
    x: Any, weight: Any, bias: Any = None, *, padding: Any, padding_mode: str, **options: Any
) -> Any:
    rest = {k: v for k, v in options.items() if k != "groups"}
    window = window_in_torch(x, weight.shape[2:], padding=padding, **rest)
    mode = "constant" if padding_mode == "zeros" else padding_mode
    return F.conv2d(pad_in_torch(x, window.padding, mode=mode), weight, bias, **options)


def conv_transpose2d(draw: Draw) -> Call:
    pair = lambda low, high: draw(st.tuples(*[st.integers(low, high)] * 2))  # noqa: E731
    groups, (n, c), o = draw(st.integers(1, 2)), pair(1, 3), draw(st.integers(1, 3))
    size, kernel, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 3), pair(1, 2)
    extra = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    lengths = [
        (i - 1) * s + d * (k - 1) + 1 + e
        for i, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)
    ]
    padding = tuple(min(draw(st.integers(0, 2)), (length - 1) // 2) for length in lengths)
    options = {"stride": stride, "padding": padding, "output_padding": extra,
               "groups": groups, "dilation": dilation}  # fmt: skip
    inputs = [numbers(draw, (n, c * groups, *size)), numbers(draw, (c * groups, o, *kernel)),
              numbers(draw, (o * groups,))]  # fmt: skip
    return inputs, options


def loop_conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Array:
    """Stamp the kernel, scaled by each pixel, onto a canvas; then cut the padding off."""
    (n, c, *size), (_, o, *kernel) = x.shape, weight.shape
    canvas = [
        (i - 1) * s + d * (k - 1) + 1 + e
        for i, s, d, k, e in zip(size, stride, dilation, kernel, output_padding, strict=True)
    ]
    y = np.zeros((n, o * groups, *canvas))
    for i, j, kh, kw, ci in np.ndindex(*size, *kernel, c):
        first = ci // (c // groups) * o
        row, column = i * stride[0] + kh * dilation[0], j * stride[1] + kw * dilation[1]
        y[:, first : first + o, row, column] += x[:, ci, i, j, None] * weight[ci, :, kh, kw]
    (top, left), (height, width) = padding, canvas
    return y[:, :, top : height - top, left : width - left] + bias[:, None, None]


def im2col(draw: Draw) -> Call:
    x, kernel, options = draw(strategies.pool2d_cases(max_size=6, min_batch=0))
    del options["ceil_mode"]
    return [x], {"kernel_size": kernel, **options}


def loop_im2col(x: Array, kernel_size: Any, **options: Any) -> Array:
    walk = list(places(x.shape[2:], kernel_size, **options))
    columns = np.zeros((*x.shape[:2], *kernel_size, *walk[0].window.output_size))
    for _, oh, ow, taps in walk:
        for kh, kw, ih, iw in taps:
            columns[:, :, kh, kw, oh, ow] = x[:, :, ih, iw]
    return columns.reshape(len(x), x.shape[1] * math.prod(kernel_size), len(walk))


def im2col_in_torch(x: Any, kernel_size: Any, padding: Any, **options: Any) -> Any:
    window = window_in_torch(x, kernel_size, padding=padding, **options)
    return F.unfold(pad_in_torch(x, window.padding), kernel_size, **options)


def col2im(draw: Draw) -> Call:
    (x,), options = im2col(draw)
    columns = ops.im2col(x, **options).shape
    return [numbers(draw, columns)], {"output_size": x.shape[2:], **options}


def loop_col2im(columns: Array, output_size: Any, kernel_size: Any, **options: Any) -> Array:
    n, rows, count = columns.shape
    x = np.zeros((n, rows // math.prod(kernel_size), *output_size))
    parts = columns.reshape(*x.shape[:2], *kernel_size, count)
    for i, place in enumerate(places(output_size, kernel_size, **options)):
        for kh, kw, ih, iw in place.taps:
            x[:, :, ih, iw] += parts[:, :, kh, kw, i]
    return x


def col2im_in_torch(
    columns: Any, output_size: Any, kernel_size: Any, padding: Any, **options: Any
) -> Any:
    (place, *_) = places(output_size, kernel_size, padding=padding, **options)
    (top, bottom), (left, right) = place.window.padding
    height, width = output_size
    canvas = (height + top + bottom, width + left + right)
    y = F.fold(columns, canvas, kernel_size, **options)
    return y[:, :, top : top + height, left : left + width]


MODES = {"zeros": "constant", "constant": "constant", "reflect": "reflect",
         "replicate": "edge", "circular": "wrap"}  # fmt: skip


def pad2d(draw: Draw) -> Call:
    """Padding in any mode; negative numbers, which crop, where the padding is a constant."""
    x = draw(strategies.images(max_size=5, min_batch=0))
    mode = draw(st.sampled_from(list(MODES)))
    crop = min(x.shape[2:]) > 2 and mode in ("zeros", "constant") and draw(st.booleans())
    least, limits = -1 if crop else 0, [n - 1 if mode == "reflect" else n for n in x.shape[2:]]
    sides = tuple((draw(st.integers(least, n)), draw(st.integers(least, n))) for n in limits)
    return [x], {"padding": sides, "mode": mode, "value": draw(st.sampled_from([1.5, -2.0]))}


def pad2d_in_numpy(x: Array, padding: Any, mode: str, value: float) -> Array:
    fill = {"zeros": {"constant_values": 0.0}, "constant": {"constant_values": value}}
    grown = [(max(a, 0), max(b, 0)) for a, b in padding]
    y = np.pad(x, ((0, 0), (0, 0), *grown), MODES[mode], **fill.get(mode, {}))
    rows, columns = (
        slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(y.shape[2:], padding, strict=True)
    )
    return y[:, :, rows, columns]


def pad2d_in_torch(x: Any, padding: Any, mode: str, value: float) -> Any:
    constants = {"zeros": ("constant", 0.0), "constant": ("constant", value)}
    name, fill = constants.get(mode, (mode, 0.0))
    return pad_in_torch(x, padding, fill, name)


CASES = [
    OpCase("col2im", col2im, loop_col2im, col2im_in_torch),
    OpCase("conv2d", conv2d, loop_conv2d, conv2d_in_torch),
    OpCase("conv_transpose2d", conv_transpose2d, loop_conv_transpose2d, F.conv_transpose2d),
    OpCase("im2col", im2col, loop_im2col, im2col_in_torch),
    OpCase("pad2d", pad2d, pad2d_in_numpy, pad2d_in_torch),
]

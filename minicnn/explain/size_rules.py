"""The arithmetic of each layer's output size as text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import nn
from ..backend.geometry import Sides, Window, make_window, sides
from ..checks import Pair, check_pair

Shape = tuple[int, ...]

POOLS = (nn.MaxPool2d, nn.MinPool2d, nn.AvgPool2d, nn.LPPool2d)
PADS = (nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d)
GLOBAL_POOLS = (nn.GlobalMaxPool2d, nn.GlobalMinPool2d, nn.GlobalAvgPool2d)


def explain_size(layer: nn.Module, shape: Shape) -> list[str]:
    """How the output's shape follows from the input's (without N), line by line; [] if it is clear.

    This also works if the layer would fail: the size is then below 1.
    """
    for kinds, rule in RULES:
        if isinstance(layer, kinds):
            return rule(layer, shape)
    return []


def _explain_convolution(layer: nn.Conv2d, shape: Shape) -> list[str]:
    channels = layer.weight.shape[1] * layer.groups
    if len(shape) != 3 or shape[0] != channels:
        return [f"expects {channels} channel{'s' * (channels > 1)}"]
    return _explain_window(layer, shape)


def _explain_window(layer: Any, shape: Shape) -> list[str]:
    """Convolution and pooling: the span, the size, and the pixels that no window reaches."""
    if len(shape) != 3:
        return []
    kernel = check_pair("kernel_size", layer.kernel_size)
    stride = check_pair("stride", layer.stride)
    dilation = check_pair("dilation", getattr(layer, "dilation", 1))
    ceil_mode = getattr(layer, "ceil_mode", False)
    texts = []
    for axis in (0, 1):
        span, lines = _explain_span(kernel[axis], dilation[axis])
        if layer.padding == "same":
            lines += _explain_same_padding(shape[1 + axis], span, stride[axis])
        else:
            padding = (0, 0) if layer.padding == "valid" else sides(layer.padding)[axis]
            lines += _explain_output(shape[1 + axis], padding, span, stride[axis], ceil_mode)
        texts.append(lines)
    try:
        size = (shape[1], shape[2])
        window = make_window("", size, kernel, stride, layer.padding, dilation, ceil_mode)
    except ValueError:
        return _merge_axes(texts)
    return [*_merge_axes(texts), *_describe_unread(window)]


def _explain_span(kernel: int, dilation: int) -> tuple[int, list[str]]:
    """The pixels from the first tap to the last, and if they are spread, how to compute it."""
    span = dilation * (kernel - 1) + 1
    return span, [f"span {dilation} * ({kernel} - 1) + 1 = {span}"] if dilation > 1 else []


def _explain_output(size: int, padding: Pair, span: int, stride: int, ceil_mode: bool) -> list[str]:
    padded = f"{size} + 0" if padding == (0, 0) else f"{size} + {padding[0]} + {padding[1]}"
    room = size + sum(padding) - span
    if not ceil_mode:
        return [f"({padded} - {span}) // {stride} + 1 = {room // stride + 1}"]
    output = -(-room // stride) + 1
    lines = [f"ceil(({padded} - {span}) / {stride}) + 1 = {output}"]
    if room >= 0 and (output - 1) * stride >= size + padding[0]:
        lines.append(f"the last would start outside the image, so {output - 1}")
    return lines


def _explain_same_padding(size: int, span: int, stride: int) -> list[str]:
    """ "same": first the size, then the padding that it requires."""
    output = -(-size // stride)
    total = max((output - 1) * stride + span - size, 0)
    return [
        f"same: ceil({size} / {stride}) = {output}",
        f"padding {total // 2} + {total - total // 2} = "
        f"max(({output} - 1) * {stride} + {span} - {size}, 0)",
    ]


def _describe_unread(window: Window) -> list[str]:
    """How many rows and columns of pixels no tap reads."""
    last, between = [], []
    for axis, name in enumerate(("row", "column")):
        size, before = window.input_size[axis], window.padding[axis][0]
        read = {
            o * window.stride[axis] + k * window.dilation[axis] - before
            for o in range(window.output_size[axis])
            for k in range(window.kernel_size[axis])
        }
        end = min(max(read) + 1, size)
        last += _pluralise(size - end, name)
        between += _pluralise(sum(p not in read for p in range(end)), name)
    lines = []
    if last:
        lines.append(f"drops the last {' and '.join(last)}: no window reaches them")
    if between:
        lines.append(f"skips {' and '.join(between)} between the taps")
    return lines


def _pluralise(number: int, name: str) -> list[str]:
    return [f"{number} {name}{'s' * (number > 1)}"] if number else []


def _explain_transposed(layer: Any, shape: Shape) -> list[str]:
    if len(shape) != 3:
        return []
    cut: Sides = sides(0 if layer.padding == "valid" else layer.padding)
    stride, dilation = check_pair("stride", layer.stride), check_pair("dilation", layer.dilation)
    extra = check_pair("output_padding", layer.output_padding, least=0)
    texts = []
    for axis in (0, 1):
        size, (before, after) = shape[1 + axis], cut[axis]
        span, lines = _explain_span(layer.kernel_size[axis], dilation[axis])
        output = (size - 1) * stride[axis] - before - after + span + extra[axis]
        line = f"({size} - 1) * {stride[axis]}"
        line += f" - {before} - {after}" * ((before, after) != (0, 0)) + f" + {span}"
        line += f" + {extra[axis]}" * (extra[axis] > 0)
        texts.append([*lines, f"{line} = {output}"])
    return _merge_axes(texts)


def _explain_pad(layer: Any, shape: Shape) -> list[str]:
    texts = []
    for size, padding in zip(shape[1:], sides(layer.padding, least=None), strict=False):
        terms = " ".join(f"{'-' if n < 0 else '+'} {abs(n)}" for n in padding)
        texts.append([f"{size} {terms} = {size + sum(padding)}"])
    return _merge_axes(texts)


def _explain_regions(layer: Any, shape: Shape) -> list[str]:
    wanted = layer.output_size
    counts = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    texts = []
    for size, regions in zip(shape[1:], counts, strict=False):
        n = size if regions is None else regions
        pixels = {-(-(i + 1) * size // n) - i * size // n for i in range(n)}
        texts.append([f"{size} in {n} regions of {' or '.join(map(str, sorted(pixels)))}"])
    return _merge_axes(texts)


def _explain_flatten(layer: Any, shape: Shape) -> list[str]:
    sizes = shape[max(0, layer.start_axis - 1) :]
    return [f"{' * '.join(map(str, sizes))} = {math.prod(sizes)}"] if len(sizes) > 1 else []


def _explain_global(layer: Any, shape: Shape) -> list[str]:
    return [f"one number for {' * '.join(map(str, shape[1:]))} pixels"]


def _explain_dense(layer: Any, shape: Shape) -> list[str]:
    inputs, outputs = layer.in_features, layer.out_features
    if shape[-1:] != (inputs,):
        return [f"expects {inputs} inputs"]
    return [f"each of {outputs} outputs sums {inputs} products"]


def _merge_axes(texts: list[list[str]]) -> list[str]:
    """The lines of height and width, or only one of both if they are the same."""
    if len(texts) != 2 or texts[0] == texts[1]:
        return texts[0] if texts else []
    pairs = zip(("height", "width"), texts, strict=True)
    return [f"{name:<6} {line}" for name, lines in pairs for line in lines]


RULES: list[tuple[Any, Callable[[Any, Shape], list[str]]]] = [
    (nn.Conv2d, _explain_convolution),
    (POOLS, _explain_window),
    (nn.ConvTranspose2d, _explain_transposed),
    (PADS, _explain_pad),
    ((nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), _explain_regions),
    (GLOBAL_POOLS, _explain_global),
    (nn.Flatten, _explain_flatten),
    (nn.Linear, _explain_dense),
]

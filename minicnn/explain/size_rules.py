"""The arithmetic of each layer's output size, in words, and how many multiply-adds it takes."""

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


def arithmetic(layer: nn.Module, shape: Shape) -> list[str]:
    """The lines that lead from the input's shape (without N) to the output's; [] if none is needed.

    It also works where the layer fails: the size then comes out below 1.
    """
    for kinds, rule in RULES:
        if isinstance(layer, kinds):
            return rule(layer, shape)
    return []


def multiply_adds(layer: nn.Module, input_shape: Shape, output_shape: Shape) -> int | None:
    """The products that are summed for one image, padding included; None: not known.

    Convolutions and dense layers alone are counted, beside which all others are small.
    """
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return layer.weight.size // layer.weight.shape[0] * math.prod(output_shape)
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.weight.size // layer.weight.shape[0] * math.prod(input_shape)
    return 0 if type(layer).__module__.startswith(nn.__name__) else None


def _convolution(layer: nn.Conv2d, shape: Shape) -> list[str]:
    channels = layer.weight.shape[1] * layer.groups
    if len(shape) != 3 or shape[0] != channels:
        return [f"expects {channels} channel{'s' * (channels > 1)}"]
    return _sliding(layer, shape)


def _sliding(layer: Any, shape: Shape) -> list[str]:
    """Convolutions and poolings: span, size, and the pixels that no window reaches."""
    if len(shape) != 3:
        return []
    kernel, stride = (
        check_pair("kernel_size", layer.kernel_size),
        check_pair("stride", layer.stride),
    )
    dilation = check_pair("dilation", getattr(layer, "dilation", 1))
    ceil_mode = getattr(layer, "ceil_mode", False)
    texts = []
    for axis in (0, 1):
        span, lines = dilation[axis] * (kernel[axis] - 1) + 1, []
        if dilation[axis] > 1:
            lines.append(f"span {dilation[axis]} * ({kernel[axis]} - 1) + 1 = {span}")
        if layer.padding == "same":
            lines += _same(shape[1 + axis], span, stride[axis])
        else:
            padding = (0, 0) if layer.padding == "valid" else sides(layer.padding)[axis]
            lines += _numeric(shape[1 + axis], padding, span, stride[axis], ceil_mode)
        texts.append(lines)
    try:
        size = (shape[1], shape[2])
        window = make_window("", size, kernel, stride, layer.padding, dilation, ceil_mode)
    except ValueError:
        return _both(texts)
    return [*_both(texts), *_unread(window)]


def _numeric(size: int, padding: Pair, span: int, stride: int, ceil_mode: bool) -> list[str]:
    padded = f"{size} + 0" if padding == (0, 0) else f"{size} + {padding[0]} + {padding[1]}"
    room = size + sum(padding) - span
    if not ceil_mode:
        return [f"({padded} - {span}) // {stride} + 1 = {room // stride + 1}"]
    output = -(-room // stride) + 1
    lines = [f"ceil(({padded} - {span}) / {stride}) + 1 = {output}"]
    if room >= 0 and (output - 1) * stride >= size + padding[0]:
        lines.append(f"the last would begin past the image, so {output - 1}")
    return lines


def _same(size: int, span: int, stride: int) -> list[str]:
    """ "same": the size first, then the padding that it takes."""
    output = -(-size // stride)
    total = max((output - 1) * stride + span - size, 0)
    return [
        f"same: ceil({size} / {stride}) = {output}",
        f"padding {total // 2} + {total - total // 2} = "
        f"max(({output} - 1) * {stride} + {span} - {size}, 0)",
    ]


def _unread(window: Window) -> list[str]:
    """The rows and columns of pixels that lie under no tap."""
    last, between = [], []
    for axis, name in enumerate(("row", "column")):
        size, before = window.input_size[axis], window.padding[axis][0]
        read = {
            o * window.stride[axis] + k * window.dilation[axis] - before
            for o in range(window.output_size[axis])
            for k in range(window.kernel_size[axis])
        }
        end = min(max(read) + 1, size)
        last += _count(size - end, name)
        between += _count(sum(p not in read for p in range(end)), name)
    lines = []
    if last:
        lines.append(f"drops the last {' and '.join(last)}: no window reaches them")
    if between:
        lines.append(f"skips {' and '.join(between)} between the taps")
    return lines


def _count(number: int, name: str) -> list[str]:
    return [f"{number} {name}{'s' * (number > 1)}"] if number else []


def _transposed(layer: Any, shape: Shape) -> list[str]:
    if len(shape) != 3:
        return []
    cut: Sides = sides(0 if layer.padding == "valid" else layer.padding)
    stride, dilation = check_pair("stride", layer.stride), check_pair("dilation", layer.dilation)
    extra = check_pair("output_padding", layer.output_padding, least=0)
    texts = []
    for axis in (0, 1):
        size, kernel, (before, after) = shape[1 + axis], layer.kernel_size[axis], cut[axis]
        span = dilation[axis] * (kernel - 1) + 1
        output = (size - 1) * stride[axis] - before - after + span + extra[axis]
        lines = [f"span {dilation[axis]} * ({kernel} - 1) + 1 = {span}"] * (dilation[axis] > 1)
        line = f"({size} - 1) * {stride[axis]}"
        line += f" - {before} - {after}" * ((before, after) != (0, 0)) + f" + {span}"
        line += f" + {extra[axis]}" * (extra[axis] > 0)
        texts.append([*lines, f"{line} = {output}"])
    return _both(texts)


def _padded(layer: Any, shape: Shape) -> list[str]:
    texts = [
        [f"{size} {before:+d} {after:+d} = {size + before + after}".replace(" -", " - ")]
        for size, (before, after) in zip(shape[1:], sides(layer.padding, least=None), strict=False)
    ]
    return _both([[t.replace(" +", " + ") for t in lines] for lines in texts])


def _adaptive(layer: Any, shape: Shape) -> list[str]:
    asked = layer.output_size
    sizes = asked if isinstance(asked, tuple | list) else (asked, asked)
    texts = []
    for size, regions in zip(shape[1:], sizes, strict=False):
        n = size if regions is None else regions
        pixels = {-(-(i + 1) * size // n) - i * size // n for i in range(n)}
        texts.append([f"{size} in {n} regions of {' or '.join(map(str, sorted(pixels)))}"])
    return _both(texts)


def _flattened(layer: Any, shape: Shape) -> list[str]:
    sizes = shape[max(0, layer.start_axis - 1) :]
    return [f"{' * '.join(map(str, sizes))} = {math.prod(sizes)}"] if len(sizes) > 1 else []


def _global(layer: Any, shape: Shape) -> list[str]:
    return [f"one number for {' * '.join(map(str, shape[1:]))} pixels"]


def _dense(layer: Any, shape: Shape) -> list[str]:
    inputs, outputs = layer.in_features, layer.out_features
    if shape[-1:] != (inputs,):
        return [f"expects {inputs} inputs"]
    return [f"each of {outputs} outputs sums {inputs} products"]


def _both(texts: list[list[str]]) -> list[str]:
    """The lines of height and width: once if they are the same."""
    if len(texts) != 2 or texts[0] == texts[1]:
        return texts[0] if texts else []
    pairs = zip(("height", "width"), texts, strict=True)
    return [f"{name:<6} {line}" for name, lines in pairs for line in lines]


RULES: list[tuple[Any, Callable[[Any, Shape], list[str]]]] = [
    (nn.Conv2d, _convolution),
    (POOLS, _sliding),
    (nn.ConvTranspose2d, _transposed),
    (PADS, _padded),
    ((nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), _adaptive),
    (GLOBAL_POOLS, _global),
    (nn.Flatten, _flattened),
    (nn.Linear, _dense),
]

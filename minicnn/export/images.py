"""Converters of ops on images (N, C, H, W): convolution, pooling, padding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend.geometry import Window
from ..backend.padding import IndexMap, padding_map
from .graph import Graph
from .record import Step

Names = tuple[str, ...]
PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def conv2d(graph: Graph, step: Step, inputs: Names) -> str:
    window = step.options["window"]
    window = {**_kernel_and_stride(window), "dilations": window.dilation, "pads": _pads(window)}
    return graph.node("Conv", *inputs, group=step.options["groups"], **window)


def conv_transpose2d(graph: Graph, step: Step, inputs: Names) -> str:
    """The window is that of the convolution whose input this computes."""
    window = step.options["window"]
    axes = zip(*window[:4], window.padding, window.dilation, strict=True)
    extra = [
        size - ((outputs - 1) * stride - before - after + dilation * (kernel - 1) + 1)
        for size, outputs, kernel, stride, (before, after), dilation in axes
    ]
    pads = [side for sides in zip(*window.padding, strict=True) for side in sides]
    window = {
        **_kernel_and_stride(window),
        "dilations": window.dilation,
        "pads": pads,
        "output_padding": extra,
    }
    return graph.node("ConvTranspose", *inputs, group=step.options["groups"], **window)


def max_pool2d(graph: Graph, step: Step, inputs: Names) -> str:
    window = step.options["window"]
    x, pads = _pooled_image(graph, step, inputs, fill=-math.inf)
    return graph.node(
        "MaxPool", x, **_kernel_and_stride(window), dilations=window.dilation, pads=pads
    )


def min_pool2d(graph: Graph, step: Step, inputs: Names) -> str:
    """-max(-x): ONNX has no minimum pooling."""
    return graph.node("Neg", max_pool2d(graph, step, (graph.node("Neg", *inputs),)))


def avg_pool2d(graph: Graph, step: Step, inputs: Names) -> str:
    """The sum divided by KH·KW, then corrected where the divisor (OH, OW) is another number."""
    window, divisor = step.options["window"], step.options["divisor"]
    x, pads = _pooled_image(graph, step, inputs, fill=0.0)
    y = graph.node("AveragePool", x, **_kernel_and_stride(window), pads=pads, count_include_pad=1)
    taps = math.prod(window.kernel_size)
    if (divisor == taps).all():
        return y
    return graph.node("Mul", y, graph.constant(taps / divisor, step.dtype))


def _kernel_and_stride(window: Window) -> dict[str, Any]:
    return {"kernel_shape": window.kernel_size, "strides": window.stride}


def _pads(window: Window) -> list[int]:
    """(top, left, bottom, right), as far as the places of the window reach.

    With ceil_mode that is more than the window's own padding. The attribute ceil_mode is not used:
    ONNX and minicnn differ in which last places it keeps.
    """
    after = [
        max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size - before)
        for size, outputs, kernel, stride, (before, _), dilation in zip(
            *window[:4], window.padding, window.dilation, strict=True
        )
    ]
    return [before for before, _ in window.padding] + after


def _pooled_image(graph: Graph, step: Step, inputs: Names, fill: float) -> tuple[str, list[int]]:
    """The image and the padding left to the pooling, where ONNX requires less than the kernel."""
    window = step.options["window"]
    pads = _pads(window)
    if all(p < k for p, k in zip(pads, window.kernel_size * 2, strict=True)):
        return inputs[0], pads
    return _padded(graph, inputs[0], pads, fill, step), [0, 0, 0, 0]


def _padded(
    graph: Graph, x: str, pads: list[int], value: float, step: Step, mode: str = "constant"
) -> str:
    top, left, bottom, right = pads
    lengths = graph.constant([0, 0, top, left, 0, 0, bottom, right])
    fill = [graph.constant(value, step.dtype)] if mode == "constant" else []
    return graph.node("Pad", x, lengths, *fill, mode=mode)


def pad2d(graph: Graph, step: Step, inputs: Names) -> str:
    """Pad in the mode that has these index maps; other index maps are gathered."""
    maps = (step.options["rows"], step.options["columns"])
    sizes = [int(n) for n in step.input_shapes[0][2:]]  # type: ignore[arg-type]
    for mode, name in PAD_MODES.items():
        rows, columns = (_sides(axis, n, mode) for axis, n in zip(maps, sizes, strict=True))
        if rows and columns:
            pads = [rows[0], columns[0], rows[1], columns[1]]
            return _padded(graph, inputs[0], pads, step.options["value"], step, name)
    return _gathered(graph, step, inputs[0], maps, sizes)


def _sides(indices: IndexMap, size: int, mode: str) -> tuple[int, int] | None:
    """The padding before and after an axis that has this index map in a mode, None if none has."""
    for before in sorted({i - index for i, index in enumerate(indices) if index >= 0}):
        after = len(indices) - size - before
        if mode != "zeros" and min(before, after) < 0:
            continue  # ONNX crops only in the mode "constant"
        try:
            if padding_map(size, before, after, mode) == indices:
                return before, after
        except ValueError:  # more than the mode allows
            continue
    return None


def _gathered(
    graph: Graph, step: Step, x: str, maps: tuple[IndexMap, IndexMap], sizes: list[int]
) -> str:
    """Gather rows, then columns; -1 selects an additional row that is filled with the value."""
    more = [int(-1 in indices) for indices in maps]
    if any(more):
        x = _padded(graph, x, [0, 0, *more], step.options["value"], step)
    for axis, (indices, size) in enumerate(zip(maps, sizes, strict=True), 2):
        places = [size if index < 0 else index for index in indices]
        x = graph.node("Gather", x, graph.constant(places), axis=axis)
    return x


def local_response_norm(graph: Graph, step: Step, inputs: Names) -> str:
    """x / (k + alpha · sum of the neighbours' squares) ^ beta, written out.

    ONNX's LRN has the same sum only for an odd size; for an even one its window lies differently.
    """
    alpha, beta, k = (graph.constant(step.options[n], step.dtype) for n in ("alpha", "beta", "k"))
    squares = _channel_sum(graph, step, graph.node("Mul", *inputs, *inputs))
    base = graph.node("Add", graph.node("Mul", squares, alpha), k)
    return graph.node("Div", *inputs, graph.node("Pow", base, beta))


def _channel_sum(graph: Graph, step: Step, x: str) -> str:
    """An average over channels, as rows of an image with one channel, times their number."""
    _, channels, height, width = step.input_shapes[0]
    before, after = step.options["before"], step.options["after"]
    size = before + after + 1
    flat = graph.constant([0, 1, channels, height * width])  # type: ignore[operator]
    rows = graph.node("Reshape", x, flat)
    pads = [before, 0, after, 0]
    window = {"kernel_shape": (size, 1), "pads": pads, "count_include_pad": 1}
    mean = graph.node("AveragePool", rows, **window)
    total = graph.node("Mul", mean, graph.constant(size, step.dtype))
    return graph.node("Reshape", total, graph.constant([0, channels, height, width]))


def im2col(graph: Graph, step: Step, inputs: Names) -> str:
    """A convolution of each channel with KH·KW kernels, each of which is 1 at one tap."""
    window, channels = step.options["window"], step.input_shapes[0][1]
    taps = math.prod(window.kernel_size)
    eye = np.eye(taps).reshape(taps, 1, *window.kernel_size)  # (KH·KW, 1, KH, KW)
    kernels = graph.constant(np.tile(eye, (channels, 1, 1, 1)), step.dtype)
    window = {**_kernel_and_stride(window), "dilations": window.dilation, "pads": _pads(window)}
    y = graph.node("Conv", *inputs, kernels, group=channels, **window)  # (N, C·KH·KW, OH, OW)
    return graph.node("Reshape", y, graph.constant([0, *step.output_shape[1:]]))

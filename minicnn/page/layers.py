"""What the page needs of each kind of layer: its options, weights, and what follows from sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn
from ..backend.geometry import Window, make_window, sides
from ..backend.padding import padding_map, region_map
from ..ops.avg_pool import window_divisors
from .pack import pack

Shape = tuple[int, ...]
Layer = dict[str, Any]


class PageError(ValueError):
    """Raised for a network that the page cannot show."""


def _weights(layer: Any) -> Layer:
    bias = {} if layer.bias is None else {"bias": pack(layer.bias.data)}
    return {"weight": pack(layer.weight.data), **bias}


def _window(window: Window) -> dict[str, Any]:
    return {
        "kernel": window.kernel_size, "stride": window.stride, "dilation": window.dilation,
        "padding": window.padding, "output": window.output_size,
    }  # fmt: skip


def _describe_conv(layer: nn.Conv2d, shape: Shape) -> list[Layer]:
    """Padding other than with zeros is a step of its own, which shows what is copied where."""

    def window_on(height: int, width: int, padding: Any) -> Window:
        return make_window(
            "conv2d", (height, width), layer.kernel_size, layer.stride, padding, layer.dilation
        )

    _, height, width = shape
    before: list[Layer] = []
    window = window_on(height, width, layer.padding)
    if layer.padding_mode not in ("zeros", "constant"):
        padded = _padded(shape, window.padding, layer.padding_mode, 0.0)
        before = [{"suffix": ".padding", **padded}]
        window = window_on(len(padded["rows"]), len(padded["columns"]), 0)
    made = {"kind": "conv2d", "window": _window(window), "groups": layer.groups, **_weights(layer)}
    return [*before, made]


def _padded(shape: Shape, padding: Any, mode: str, value: float) -> Layer:
    (top, bottom), (left, right) = padding
    rows = padding_map(shape[1], top, bottom, mode)
    columns = padding_map(shape[2], left, right, mode)
    return {
        "kind": "pad2d", "rows": rows, "columns": columns, "value": value, "mode": mode,
        "shape": [shape[0], len(rows), len(columns)], "parameters": 0,
    }  # fmt: skip


def _describe_pad(layer: nn.ZeroPad2d, shape: Shape) -> list[Layer]:
    value = float(getattr(layer, "value", 0.0))
    return [_padded(shape, sides(layer.padding, least=None), layer.mode, value)]


def _describe_pool(layer: Any, shape: Shape) -> list[Layer]:
    if getattr(layer, "return_indices", False):
        raise PageError("returns indices too, which nothing reads here")
    window = make_window(
        "pool", (shape[1], shape[2]), layer.kernel_size, layer.stride, layer.padding,
        getattr(layer, "dilation", 1), layer.ceil_mode,
    )  # fmt: skip
    kind, _ = LAYERS[type(layer)]
    made: Layer = {"kind": kind, "window": _window(window)}
    if kind == "avg_pool2d":
        made["divisors"] = _divisors(window, layer.count_include_pad, layer.divisor_override)
    if kind == "lp_pool2d":
        made |= {"norm_type": float(layer.norm_type), "divisors": _divisors(window, True, None)}
    return [made]


def _divisors(window: Window, include_pad: bool, override: float | None) -> list[float]:
    """What the sum under each place of the window is divided by, in row order."""
    found = window_divisors(window, include_pad) if override is None else override
    return [float(d) for d in np.broadcast_to(found, window.output_size).ravel()]


def _describe_regions(layer: Any, shape: Shape) -> list[Layer]:
    size = layer.output_size
    wanted = size if isinstance(size, tuple) else (size, size)
    rows, columns = (
        _regions(pixels, pixels if regions is None else regions)
        for pixels, regions in zip(shape[1:], wanted, strict=True)
    )
    return [{"kind": LAYERS[type(layer)][0], "rows": rows, "columns": columns}]


def _regions(pixels: int, regions: int) -> list[tuple[int, int]]:
    """The first pixel of each region of an axis, and the one after its last."""
    sources, length, counts = region_map(pixels, regions)
    return [(start, start + n) for start, n in zip(sources[::length], counts, strict=True)]


def _describe_global(layer: Any, shape: Shape) -> list[Layer]:
    return [{"kind": LAYERS[type(layer)][0], "keepdim": layer.keepdim}]


def _describe_batch_norm(layer: nn.BatchNorm2d, shape: Shape) -> list[Layer]:
    if layer.running_mean is None or layer.running_var is None:
        raise PageError("has no running statistics, so one image has no output")
    deviation = np.sqrt(layer.running_var.numpy().astype(np.float64) + layer.eps)
    weight = 1.0 if layer.weight is None else layer.weight.numpy()
    bias = 0.0 if layer.bias is None else layer.bias.numpy()
    scale = weight / deviation
    shift = bias - layer.running_mean.numpy() * scale
    return [{"kind": "batch_norm", "scale": pack(scale), "shift": pack(shift)}]


def _describe_flatten(layer: nn.Flatten, shape: Shape) -> list[Layer]:
    if layer.start_axis != 1:
        raise PageError(f"start_axis: got {layer.start_axis}, the page knows only 1")
    return [{"kind": "flatten"}]


def _describe_linear(layer: nn.Linear, shape: Shape) -> list[Layer]:
    if len(shape) != 1:
        raise PageError(f"its input is {shape}, the page expects a vector (K,)")
    return [{"kind": "linear", **_weights(layer)}]


def _describe_softmax(layer: Any, shape: Shape) -> list[Layer]:
    if layer.axis not in (1, -len(shape)):
        raise PageError(f"axis: got {layer.axis}, the page knows only 1")
    return [{"kind": LAYERS[type(layer)][0]}]


def _describe_options(*names: str) -> Callable[[Any, Shape], list[Layer]]:
    """A kind whose options are numbers."""

    def describe(layer: Any, shape: Shape) -> list[Layer]:
        return [{"kind": LAYERS[type(layer)][0], **{name: getattr(layer, name) for name in names}}]

    return describe


LAYERS: dict[type, tuple[str, Callable[[Any, Shape], list[Layer]]]] = {
    nn.Conv2d: ("conv2d", _describe_conv),
    nn.Linear: ("linear", _describe_linear),
    nn.BatchNorm2d: ("batch_norm", _describe_batch_norm),
    nn.BatchNorm1d: ("batch_norm", _describe_batch_norm),
    nn.ZeroPad2d: ("pad2d", _describe_pad),
    nn.ConstantPad2d: ("pad2d", _describe_pad),
    nn.ReflectionPad2d: ("pad2d", _describe_pad),
    nn.ReplicationPad2d: ("pad2d", _describe_pad),
    nn.CircularPad2d: ("pad2d", _describe_pad),
    nn.MaxPool2d: ("max_pool2d", _describe_pool),
    nn.MinPool2d: ("min_pool2d", _describe_pool),
    nn.AvgPool2d: ("avg_pool2d", _describe_pool),
    nn.LPPool2d: ("lp_pool2d", _describe_pool),
    nn.GlobalMaxPool2d: ("global_max_pool2d", _describe_global),
    nn.GlobalMinPool2d: ("global_min_pool2d", _describe_global),
    nn.GlobalAvgPool2d: ("global_avg_pool2d", _describe_global),
    nn.AdaptiveMaxPool2d: ("adaptive_max_pool2d", _describe_regions),
    nn.AdaptiveAvgPool2d: ("adaptive_avg_pool2d", _describe_regions),
    nn.LocalResponseNorm: ("local_response_norm", _describe_options("size", "alpha", "beta", "k")),
    nn.ReLU: ("relu", _describe_options()),
    nn.LeakyReLU: ("leaky_relu", _describe_options("negative_slope")),
    nn.ELU: ("elu", _describe_options("alpha")),
    nn.SELU: ("selu", _describe_options()),
    nn.GELU: ("gelu", _describe_options("approximate")),
    nn.SiLU: ("silu", _describe_options()),
    nn.Softplus: ("softplus", _describe_options("beta")),
    nn.Sigmoid: ("sigmoid", _describe_options()),
    nn.Tanh: ("tanh", _describe_options()),
    nn.ScaledTanh: ("scaled_tanh", _describe_options()),
    nn.Hardtanh: ("hardtanh", _describe_options("min_val", "max_val")),
    nn.Softmax: ("softmax", _describe_softmax),
    nn.LogSoftmax: ("log_softmax", _describe_softmax),
    nn.Identity: ("identity", _describe_options()),
    nn.Dropout: ("identity", _describe_options()),
    nn.Dropout2d: ("identity", _describe_options()),
    nn.Flatten: ("flatten", _describe_flatten),
}
"""What each layer is called in js/network, and what describes it."""

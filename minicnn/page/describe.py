"""A network as the page in the browser needs it: its layers with options and weights, as JSON.

The shapes of all layers follow from one image, so what depends on a size is worked out here: where
windows lie, which pixel each padded pixel copies, what averages are divided by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..backend.geometry import Window, make_window, sides
from ..backend.padding import IndexMap, padding_map, region_map
from ..data.transforms import PadTo
from ..data.transforms.scale import bilinear_weights
from ..models import ImageClassifier
from ..models.classifier import size_transform
from ..nn import Module, Sequential
from ..nn.modes import evaluating
from ..nn.watch import LayerCall, watch_calls, zero_input
from ..ops.avg_pool import window_divisors
from .pack import pack

Shape = tuple[int, ...]
Layer = dict[str, Any]


class PageError(ValueError):
    """Raised for a network that the page cannot show."""


def describe_layers(model: Module, input_shape: Shape) -> list[Layer]:
    """Each layer of a chain, in order: its name, kind, options, and the shape of its output.

    Raises PageError, naming it, for a layer that the page does not know, and for a model that is
    not a ``Sequential``, or computes anything besides its layers.
    """
    chain = list(_chain(model, ""))
    image = zero_input(model, input_shape)
    with watch_calls(model) as watched, evaluating(model), np.errstate(all="ignore"):
        answer = model(image)
    calls = [call for call in watched if not isinstance(call.layer, Sequential)]  # an empty one
    if [call.layer for call in calls] != [layer for _, layer in chain]:
        raise PageError(
            f"{type(model).__name__}: its layers are not called in the order in which they stand"
        )
    if not calls:
        raise PageError(f"{type(model).__name__}: has no layers")
    _check_joined(chain, calls, image, answer)
    return [
        layer
        for (name, _), call in zip(chain, calls, strict=True)
        for layer in _describe(name, call)
    ]


def _check_joined(
    chain: list[tuple[str, Module]], calls: list[LayerCall], image: Tensor, answer: Tensor
) -> None:
    """Raise PageError if a layer gets anything but the output of the one before it.

    A subclass of Sequential may add, scale, or skip in its ``forward``.
    """
    value: Any = image
    where = "before the first layer"
    for (name, layer), call in zip(chain, calls, strict=True):
        if call.input is not value:
            break
        value, where = call.output, f"after {name} ({type(layer).__name__})"
    else:
        if answer is value:
            return
    raise PageError(
        f"something is computed {where} that is no layer; the page shows only what layers compute"
    )


def _chain(model: Module, path: str) -> Iterator[tuple[str, Module]]:
    """The layers of a Sequential, and of those in it, by path."""
    if not isinstance(model, Sequential):
        children = dict(model.named_children())
        if children or not path:
            raise PageError(
                f"{path or type(model).__name__}: the page shows a Sequential of layers, whose "
                f"order is known; a {type(model).__name__} may call its layers in any order"
            )
        yield path, model
        return
    for name, layer in model.named_children():
        yield from _chain(layer, f"{path}.{name}" if path else name)


def _describe(name: str, call: LayerCall) -> list[Layer]:
    """The steps of one call of a layer; name: its own one, also of a layer that stands twice."""
    layer = call.layer
    where = f"{name} ({type(layer).__name__})"
    describe = next((describe for kinds, describe in DESCRIPTIONS if type(layer) in kinds), None)
    if describe is None:
        raise PageError(f"{where}: the page cannot show this kind of layer")
    try:
        made = describe(layer, call.input_shape)
    except PageError as error:
        raise PageError(f"{where}: {error}") from None
    last = made[-1]
    last |= {"shape": list(call.output_shape or ()), "parameters": call.parameters}
    return [
        {
            "name": name + part.pop("suffix", ""),
            "type": type(layer).__name__,
            **{key: _json_number(value) for key, value in part.items()},
        }
        for part in made
    ]


def _json_number(value: Any) -> Any:
    """A number that JSON does not have, such as the infinity of a Hardtanh, by its name."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return {"number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def describe_sizing(model: Module, image_shape: Shape) -> list[Layer]:
    """What comes before the first layer: the image in the size that the network takes.

    Raises PageError for a network that also changes the values of its images.
    """
    if not isinstance(model, ImageClassifier):
        return []
    if type(model).prepare is not ImageClassifier.prepare:
        raise PageError(f"{type(model).__name__}: the page cannot show how it prepares its images")
    sized = size_transform(image_shape[1:], model.input_shape)
    if sized is None:
        return []
    channels, *size = model.input_shape
    made: Layer
    axes = zip(image_shape[1:], size, strict=True)
    if isinstance(sized, PadTo):
        rows, columns = (_centred(n, wanted) for n, wanted in axes)
        made = {"kind": "pad2d", "value": 0.0, "mode": "zeros", "rows": rows, "columns": columns}
    else:
        weights = [pack(bilinear_weights(n, wanted)) for n, wanted in axes]
        made = {"kind": "resize", "rows": weights[0], "columns": weights[1]}
    shape = [channels, *size]
    return [{"name": "size", "type": type(sized).__name__, "shape": shape, "parameters": 0, **made}]


def _centred(size: int, wanted: int) -> IndexMap:
    before = (wanted - size) // 2
    return padding_map(size, before, wanted - size - before, "zeros")


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
    kind = KINDS[type(layer)]
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
    return [{"kind": KINDS[type(layer)], "rows": rows, "columns": columns}]


def _regions(pixels: int, regions: int) -> list[tuple[int, int]]:
    """The first pixel of each region of an axis, and the one after its last."""
    sources, length, counts = region_map(pixels, regions)
    return [(start, start + n) for start, n in zip(sources[::length], counts, strict=True)]


def _describe_global(layer: Any, shape: Shape) -> list[Layer]:
    return [{"kind": KINDS[type(layer)], "keepdim": layer.keepdim}]


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
    return [{"kind": KINDS[type(layer)]}]


def _describe_options(*names: str) -> Callable[[Any, Shape], list[Layer]]:
    """A kind whose options are numbers."""

    def describe(layer: Any, shape: Shape) -> list[Layer]:
        return [{"kind": KINDS[type(layer)], **{name: getattr(layer, name) for name in names}}]

    return describe


KINDS: dict[type, str] = {
    nn.MaxPool2d: "max_pool2d",
    nn.MinPool2d: "min_pool2d",
    nn.AvgPool2d: "avg_pool2d",
    nn.LPPool2d: "lp_pool2d",
    nn.GlobalMaxPool2d: "global_max_pool2d",
    nn.GlobalMinPool2d: "global_min_pool2d",
    nn.GlobalAvgPool2d: "global_avg_pool2d",
    nn.AdaptiveMaxPool2d: "adaptive_max_pool2d",
    nn.AdaptiveAvgPool2d: "adaptive_avg_pool2d",
    nn.LocalResponseNorm: "local_response_norm",
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.ELU: "elu",
    nn.SELU: "selu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Softplus: "softplus",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.ScaledTanh: "scaled_tanh",
    nn.Hardtanh: "hardtanh",
    nn.Softmax: "softmax",
    nn.LogSoftmax: "log_softmax",
    nn.Identity: "identity",
    nn.Dropout: "identity",
    nn.Dropout2d: "identity",
}

DESCRIPTIONS: list[tuple[tuple[type, ...], Callable[[Any, Shape], list[Layer]]]] = [
    ((nn.Conv2d,), _describe_conv),
    ((nn.Linear,), _describe_linear),
    ((nn.MaxPool2d, nn.MinPool2d, nn.AvgPool2d, nn.LPPool2d), _describe_pool),
    ((nn.GlobalMaxPool2d, nn.GlobalMinPool2d, nn.GlobalAvgPool2d), _describe_global),
    ((nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d), _describe_regions),
    (
        (nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d),
        _describe_pad,
    ),
    ((nn.LocalResponseNorm,), _describe_options("size", "alpha", "beta", "k")),
    ((nn.BatchNorm2d, nn.BatchNorm1d), _describe_batch_norm),
    ((nn.Flatten,), _describe_flatten),
    ((nn.Softmax, nn.LogSoftmax), _describe_softmax),
    ((nn.LeakyReLU,), _describe_options("negative_slope")),
    ((nn.ELU,), _describe_options("alpha")),
    ((nn.GELU,), _describe_options("approximate")),
    ((nn.Softplus,), _describe_options("beta")),
    ((nn.Hardtanh,), _describe_options("min_val", "max_val")),
    (
        (nn.ReLU, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.ScaledTanh, nn.Identity, nn.Dropout,
         nn.Dropout2d),
        _describe_options(),
    ),
]  # fmt: skip

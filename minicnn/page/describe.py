"""A network as the page in the browser needs it: its layers with options and weights, as JSON.

The shapes of all layers follow from one image, so what depends on a size is worked out here: where
windows lie, which pixel each padded pixel copies, what averages are divided by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend.padding import IndexMap, padding_map
from ..data.transforms import PadTo
from ..data.transforms.scale import bilinear_weights
from ..models import ImageClassifier
from ..models.classifier import size_transform
from ..nn import Module, Sequential
from ..nn.modes import evaluating
from ..nn.watch import LayerCall, watch_calls, zero_input
from .layers import LAYERS, Layer, PageError, Shape
from .pack import pack


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
    if type(layer) not in LAYERS:
        raise PageError(f"{where}: the page cannot show this kind of layer")
    _, describe = LAYERS[type(layer)]
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

"""The models by name, and how one is built for given images and classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .alexnet import alexnet_mnist
from .alexnet_2012 import alexnet, alexnet_torchvision, scaled_alexnet
from .classifier import ImageClassifier, Shape, count
from .lenet import lenet5, lenet5_sigmoid
from .lenet_1998 import lenet5_1998

MODELS: dict[str, Callable[..., ImageClassifier]] = {
    "lenet5": lenet5,
    "lenet5_sigmoid": lenet5_sigmoid,
    "lenet5_1998": lenet5_1998,
    "alexnet_mnist": alexnet_mnist,
    "scaled_alexnet": scaled_alexnet,
    "alexnet": alexnet,
    "alexnet_torchvision": alexnet_torchvision,
}
MOST_SIDE = 4096
"""The pixels of a side of the images that a network is trained on."""
SIDES = range(28, 65)
"""The pixels of a side that ``scaled_alexnet`` is built for; larger images are made smaller."""


def options_for(
    name: str, num_classes: int, image_shape: Shape, any_channels: bool = False
) -> dict[str, int]:
    """The options with which MODELS[name] makes a network for these classes and images.

    any_channels: whether the images can also be read in grey or in colours and in any size, as the
    model needs.
    Raises ValueError for more classes than the model can have, for other channels, and for images
    of more than 4096 pixels a side, unless they can be read smaller.

    >>> options_for("lenet5", 26, (3, 32, 32))
    {'num_classes': 26, 'in_channels': 3}
    """
    channels, *size = image_shape
    if max(size) > MOST_SIDE and not any_channels:
        takes = f"expected at most {MOST_SIDE} of each"
        raise ValueError(f"the images have {size[0]} x {size[1]} pixels, {takes}")
    known = inspect.signature(MODELS[name]).parameters
    side = min(max(*size, SIDES[0]), SIDES[-1])
    wanted = {"num_classes": num_classes, "in_channels": channels, "image_size": side}
    options = {option: value for option, value in wanted.items() if option in known}
    if options.keys() >= {"num_classes", "in_channels"}:
        return options
    model = MODELS[name](**options)
    if num_classes > model.num_classes:
        raise ValueError(f"the data has {num_classes} classes, {name} only {model.num_classes}")
    if channels != model.input_shape[0] and not any_channels:
        takes, has = count(model.input_shape[0], "channel"), count(channels, "channel")
        raise ValueError(f"{name} takes images of {takes}, the data has {has}")
    return options


def options_of(name: str, state: Mapping[str, Any]) -> dict[str, int]:
    """The options of a network with these weights, as far as their shapes tell."""
    known = inspect.signature(MODELS[name]).parameters
    keys = [*MODELS[name]().state_dict()]
    found = {}
    if keys[-1] in state:
        found["num_classes"] = state[keys[-1]].shape[0]
    if keys[0] in state and state[keys[0]].ndim == 4:
        found["in_channels"] = state[keys[0]].shape[1]
    return {option: value for option, value in found.items() if option in known}

"""How many products a layer sums up for one image."""

from __future__ import annotations

import math

from .layers import Conv2d, ConvTranspose2d, Linear
from .module import Module

Shape = tuple[int, ...]


def count_multiply_adds(layer: Module, input_shape: Shape, output_shape: Shape) -> int | None:
    """The products that are summed for one image, including those with padding; None if unknown.

    Only convolutions and dense layers are counted: the cost of all others is small in comparison.
    """
    if isinstance(layer, Conv2d | Linear):
        return layer.weight.size // layer.weight.shape[0] * math.prod(output_shape)
    if isinstance(layer, ConvTranspose2d):
        return layer.weight.size // layer.weight.shape[0] * math.prod(input_shape)
    return 0 if type(layer).__module__.startswith(__package__) else None

"""Which layers a model calls in which order, and with what shapes: one run on an image of zeros."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor
from .module import Module, evaluating

__all__ = ["LayerCall", "run_on_zeros", "watched"]


@dataclass
class LayerCall:
    """One call of a layer; shapes are without N."""

    name: str
    """Its path in the model, "block1.conv1"."""
    layer: Module
    input_shape: tuple[int, ...]
    parameters: int
    """How many it holds that no call before it has held."""
    output_shape: tuple[int, ...] | None = None
    """None until it has returned."""


@contextmanager
def watched(model: Module) -> Iterator[list[LayerCall]]:
    """Note each call of a layer without children; one that fails is last, without output_shape."""
    calls: list[LayerCall] = []
    counted: set[int] = set()
    names = {module: path for path, module in model.named_modules()}

    def note_input(layer: Module, inputs: tuple[Any, ...]) -> None:
        new = [p for p in layer.parameters() if id(p) not in counted]
        counted.update(id(p) for p in new)
        shape = inputs[0].shape[1:] if inputs and isinstance(inputs[0], Tensor) else ()
        calls.append(LayerCall(names[layer], layer, shape, sum(p.size for p in new)))

    def note_output(layer: Module, inputs: tuple[Any, ...], output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        calls[-1].output_shape = first.shape[1:]

    leaves = [module for module in names if not any(module.children())]
    removers = [layer.register_forward_pre_hook(note_input) for layer in leaves]
    removers += [layer.register_forward_hook(note_output) for layer in leaves]
    try:
        yield calls
    finally:
        for remove in removers:
            remove()


def run_on_zeros(model: Module, input_shape: tuple[int, ...]) -> None:
    """Call the model in evaluation mode with zeros (1, *input_shape) of its dtype and device."""
    first = next(iter(model.parameters()), Tensor(np.zeros(0, np.float32)))
    image = Tensor(np.zeros((1, *input_shape), first.dtype)).to(first.device)
    with evaluating(model):
        model(image)

"""Which layers a model calls, in which order and with which inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array
from .modes import evaluating
from .module import Module


@dataclass
class LayerCall:
    """One call of a layer."""

    name: str
    """Its path in the model, "block1.conv1"."""
    layer: Module
    input: Any
    """Its first argument."""
    parameters: int
    """The number of its parameters that no earlier call has counted."""
    output: Any = None
    """Its output, the first of several; None until it has returned."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without N; () if it is not a Tensor."""
        return _shape_of_one(self.input)

    @property
    def output_shape(self) -> tuple[int, ...] | None:
        """The shape of one output, without N; () if it is not a Tensor, None until there is one."""
        return None if self.output is None else _shape_of_one(self.output)


def _shape_of_one(value: Any) -> tuple[int, ...]:
    return value.shape[1:] if isinstance(value, Tensor) else ()


@contextmanager
def watch_calls(
    model: Module, layers: Collection[Module] | None = None
) -> Iterator[list[LayerCall]]:
    """The calls of these layers of the model, by default of those without children, in order.

    A call that fails is the last one and has no output.
    """
    calls: list[LayerCall] = []
    counted: set[int] = set()
    names = {module: path for path, module in model.named_modules()}

    def note_input(layer: Module, inputs: tuple[Any, ...]) -> None:
        new = [p for p in layer.parameters() if id(p) not in counted]
        counted.update(id(p) for p in new)
        first = inputs[0] if inputs else None
        calls.append(LayerCall(names[layer], layer, first, sum(p.size for p in new)))

    def note_output(layer: Module, inputs: tuple[Any, ...], output: Any) -> None:
        call = next(c for c in reversed(calls) if c.layer is layer and c.output is None)
        call.output = output[0] if isinstance(output, tuple | list) else output

    chosen = [m for m in names if not any(m.children())] if layers is None else layers
    removers = [layer.register_forward_pre_hook(note_input) for layer in chosen]
    removers += [layer.register_forward_hook(note_output) for layer in chosen]
    try:
        yield calls
    finally:
        for remove in removers:
            remove()


def input_like(model: Module, images: Array) -> Tensor:
    """The images as an input of the model, in its dtype and on its device, with a gradient."""
    first = next(iter(model.parameters()), Tensor(np.zeros(0, np.float32)))
    x = Tensor(images.astype(first.dtype)).to(first.device)
    x.requires_grad = True
    return x


def zero_input(model: Module, input_shape: tuple[int, ...]) -> Tensor:
    """One image of zeros for the model, (1, *input_shape). Raises ValueError for a wrong shape."""
    try:
        zeros = np.zeros((1, *input_shape))
    except (TypeError, ValueError):
        got = f"input_shape: got {input_shape!r}"
        raise ValueError(f"{got}, expected the sizes of one image, as (C, H, W)") from None
    return input_like(model, zeros)


def run_on_zeros(model: Module, input_shape: tuple[int, ...]) -> None:
    """Call the model in evaluation mode with one image of zeros."""
    with evaluating(model):
        model(zero_input(model, input_shape))


def display_name(path: str, module: Module) -> str:
    """The name of a layer for the reader: its path, or for the model itself its class."""
    return path or type(module).__name__


def layer_named(model: Module, layer: str | Module, by: str) -> tuple[str, Module]:
    """The name and the module of a layer, given by its path or itself; by: the caller, for errors.

    Raises ValueError for a name or a module that the model does not have.
    """
    named = dict(model.named_modules())
    for path, module in named.items():
        if module is layer or (isinstance(layer, str) and layer == path):
            return display_name(path, module), module
    paths = ", ".join(filter(None, named)) or '""'
    raise ValueError(f"{by}: layer is {layer!r}, expected one of {paths} or that module itself")

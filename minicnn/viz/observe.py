"""Watching a network at work: its input, its mode, and what one layer makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..nn import Module
from .watch import watching

__all__ = ["evaluation_mode", "input_like", "layer_named", "run_and_watch"]


@contextmanager
def evaluation_mode(model: Module) -> Iterator[None]:
    """Evaluation mode, and afterwards every module as it was; gradients are recorded as before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def input_like(model: Module, images: Any) -> Tensor:
    """The images as an input of the model, of its dtype and on its device, that has a gradient."""
    first = next(iter(model.parameters()), Tensor(np.zeros(0, np.float32)))
    array = images.numpy() if isinstance(images, Tensor) else np.asarray(images)
    x = Tensor(array.astype(first.dtype)).to(first.device)
    x.requires_grad = True
    return x


def layer_named(model: Module, layer: str | Module, by: str) -> tuple[str, Module]:
    """The name and the module of a layer that is given by either; by: who asks, for the error.

    Raises ValueError for a name or a module that the model does not have.
    """
    named = dict(model.named_modules())
    if isinstance(layer, str) and layer in named:
        return layer, named[layer]
    for name, module in named.items():
        if module is layer:
            return name, module
    raise ValueError(
        f"{by}: layer is {layer!r}, expected one of {', '.join(filter(None, named))} "
        "or that module itself"
    )


def run_and_watch(model: Module, x: Tensor, layer: Module, by: str) -> tuple[Any, Tensor]:
    """The output of the model for x, and that of the layer: the last, if it ran several times.

    Raises ValueError when the layer does not run at all.
    """
    with evaluation_mode(model), watching({"": layer}) as calls:
        output = model(x)
    if not calls:
        raise ValueError(f"{by}: the layer {layer!r} does not run when the model is called")
    made: Any = calls[-1].output
    return output, made[0] if isinstance(made, tuple) else made

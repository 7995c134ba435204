"""One layer of a network: found by its name, and what it makes of an input."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from ..nn import Module
from ..nn.module import evaluating
from ..nn.watch import watched

__all__ = ["layer_named", "run_and_watch"]


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
    with evaluating(model, recording=True), watched(model, [layer]) as calls:
        output = model(x)
    if not calls:
        raise ValueError(f"{by}: the layer {layer!r} does not run when the model is called")
    return output, calls[-1].output

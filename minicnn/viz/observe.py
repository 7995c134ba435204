"""One layer of a network: found by its name, and what it makes of an input."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, is_grad_enabled
from ..nn import Module
from ..nn.module import evaluating
from ..nn.watch import watched

__all__ = ["called", "check_recording", "layer_named", "run_and_watch"]


def called(path: str, module: Module) -> str:
    """The name of a layer for the reader: its path in the model; the model itself has none."""
    return path or type(module).__name__


def check_recording(by: str) -> None:
    """Raise RuntimeError inside ``no_grad()``, where there is no graph to go back along."""
    if not is_grad_enabled():
        raise RuntimeError(
            f"{by}: no_grad() is on, so there is no graph to go back along; call it outside"
        )


def layer_named(model: Module, layer: str | Module, by: str) -> tuple[str, Module]:
    """The name and the module of a layer that is given by its path or itself; by: who asks.

    Raises ValueError for a name or a module that the model does not have.
    """
    named = dict(model.named_modules())
    for path, module in named.items():
        if module is layer or (isinstance(layer, str) and layer == path):
            return called(path, module), module
    paths = ", ".join(filter(None, named)) or '""'
    raise ValueError(f"{by}: layer is {layer!r}, expected one of {paths} or that module itself")


def run_and_watch(model: Module, x: Tensor, layer: Module, by: str) -> tuple[Any, Tensor]:
    """The output of the model for x, and that of the layer: the last, if it ran several times.

    Raises ValueError when the layer does not run at all, RuntimeError inside ``no_grad()``.
    """
    check_recording(by)
    with evaluating(model, recording=True), watched(model, [layer]) as calls:
        output = model(x)
    if not calls:
        raise ValueError(f"{by}: the layer {layer!r} does not run when the model is called")
    return output, calls[-1].output

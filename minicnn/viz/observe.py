"""What one layer of a network makes of an input, recorded for the way back."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, is_grad_enabled
from ..nn import Module
from ..nn.module import evaluating
from ..nn.watch import watch_calls


def check_recording(by: str) -> None:
    """Raise RuntimeError inside ``no_grad()``, where there is no graph to go back along."""
    if not is_grad_enabled():
        raise RuntimeError(
            f"{by}: no_grad() is on, so there is no graph to go back along; call it outside"
        )


def run_and_watch(model: Module, x: Tensor, layer: Module, by: str) -> tuple[Any, Tensor]:
    """The output of the model for x, and that of the layer: the last, if it ran several times.

    Raises ValueError when the layer does not run at all, RuntimeError inside ``no_grad()``.
    """
    check_recording(by)
    with evaluating(model, recording=True), watch_calls(model, [layer]) as calls:
        output = model(x)
    if not calls:
        raise ValueError(f"{by}: the layer {layer!r} does not run when the model is called")
    return output, calls[-1].output

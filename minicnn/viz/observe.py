"""The output of one layer of a network, with the graph that leads back to the input."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, is_grad_enabled
from ..nn import Module
from ..nn.modes import evaluating
from ..nn.watch import watch_calls


def check_recording(by: str) -> None:
    """Raise RuntimeError inside ``no_grad()``, where no graph is recorded."""
    if not is_grad_enabled():
        raise RuntimeError(f"{by}: no_grad() is on, so no graph is recorded; call it outside")


def run_and_watch(
    model: Module, x: Tensor, layer: Module, by: str, recording: bool = True
) -> tuple[Any, Tensor]:
    """The output of the model for x, and that of the layer: the last, if it ran several times.

    recording: whether the graph is needed; if so, RuntimeError inside ``no_grad()``.
    Raises ValueError if the layer does not run.
    """
    if recording:
        check_recording(by)
    with evaluating(model, recording), watch_calls(model, [layer]) as calls:
        output = model(x)
    if not calls:
        raise ValueError(f"{by}: the layer {layer!r} does not run when the model is called")
    return output, calls[-1].output

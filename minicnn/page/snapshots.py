"""Earlier states of a network, as the page needs them: what differs in the layers."""

from __future__ import annotations

import copy
from typing import Any

from ..nn import Module
from ..train import Snapshots
from .describe import describe_layers
from .layers import Layer, PageError, Shape
from .pack import as_halves, is_packed


def describe_snapshots(
    model: Module, input_shape: Shape, snapshots: Snapshots | None
) -> list[dict[str, Any]]:
    """For each snapshot its epoch, and the weights of the layers that have some, by layer name.

    A copy of the model with that state is described as the model itself is, so that a layer has the
    same parts in both. Raises PageError for a snapshot of another network.
    """
    if snapshots is None:
        return []
    made = []
    for epoch, state in snapshots.states:
        earlier = copy.deepcopy(model)
        try:
            earlier.load_state_dict(state)
        except (KeyError, TypeError, ValueError) as error:
            name = type(model).__name__
            raise PageError(
                f"snapshots: epoch {epoch} is not a state of this {name}: {error.args[0]}"
            ) from error
        layers = describe_layers(earlier, input_shape)
        made.append({"epoch": epoch, "layers": _weights_by_name(layers)})
    return made


def _weights_by_name(layers: list[Layer]) -> dict[str, dict[str, Any]]:
    """In float16 where that is exact, as for the weights of a snapshot.

    The scale and shift of a batch norm are computed from what was kept, and stay float32.
    """
    found = {
        layer["name"]: {name: as_halves(value) for name, value in layer.items() if is_packed(value)}
        for layer in layers
    }
    return {name: weights for name, weights in found.items() if weights}

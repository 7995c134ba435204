"""Earlier states of a network, as the page needs them: what differs in the layers."""

from __future__ import annotations

import base64
import copy
from typing import Any

import numpy as np

from ..nn import Module
from ..train import Snapshots
from .describe import Layer, PageError, Shape, describe_layers


def describe_snapshots(
    model: Module, input_shape: Shape, snapshots: Snapshots | None
) -> list[dict[str, Any]]:
    """For each snapshot its epoch, and the weights of the layers that have some, by layer name.

    A copy of the model with that state is described as the model itself is, so that a layer has the
    same parts in both. Raises PageError for a snapshot of another network.
    """
    if snapshots is None:
        return []
    if not isinstance(snapshots, Snapshots):
        raise TypeError(
            f"snapshots: got {type(snapshots).__name__}, expected the train.Snapshots of a training"
        )
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
    found = {
        layer["name"]: {
            name: _as_halves(value) for name, value in layer.items() if _is_array(value)
        }
        for layer in layers
    }
    return {name: weights for name, weights in found.items() if weights}


def _is_array(value: Any) -> bool:
    return isinstance(value, dict) and "numbers" in value


def _as_halves(packed: dict[str, Any]) -> dict[str, Any]:
    """The array in half the space if float16 holds it exactly, as it does weights of a snapshot.

    The scale and shift of a batch norm are computed from what was kept, and stay float32.
    """
    values = np.frombuffer(base64.b64decode(packed["numbers"]), "<f4")
    with np.errstate(over="ignore"):  # then it is not equal
        halves = values.astype("<f2")
    if not np.array_equal(values, halves.astype(np.float32)):
        return packed
    text = base64.b64encode(halves.tobytes()).decode("ascii")
    return {"shape": packed["shape"], "halves": text}

"""The state dicts of PyTorch's optimizers, where the formula is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .optimizer import Optimizer

EXECUTION = {"foreach", "fused", "capturable", "differentiable", "param_names"}
"""Options that say how PyTorch runs a step, not what it computes."""

SCHEDULES = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}
"""What PyTorch's schedules note in the groups."""

FORMULA = {"maximize": False, "amsgrad": False, "dampening": 0}
"""Options that change the formula, with the value at which it is the one here."""


def from_torch(optimizer: Optimizer, state_dict: Mapping[str, Any]) -> Mapping[str, Any]:
    """A state dict without what only PyTorch has; one of an optimizer here is returned as it is.

    A parameter without a gradient so far has no state there, and zeros here. Raises ValueError for
    options with which the formula differs.
    """
    groups = state_dict["param_groups"]
    if not any("foreach" in group for group in groups):
        return state_dict
    options = [_options(optimizer, group) for group in groups]
    entries = _entries(optimizer, options, state_dict["state"])
    return {"param_groups": options, "state": dict(enumerate(entries))}


def _options(optimizer: Optimizer, group: Mapping[str, Any]) -> dict[str, Any]:
    name = type(optimizer).__name__
    for option, expected in FORMULA.items():
        if group.get(option, expected) != expected:
            raise ValueError(f"state dict: {option}={group[option]!r}, which {name} does not have")
    if "betas" in group:
        if "amsgrad" not in group:
            raise ValueError(f"state dict: of another optimizer of PyTorch than {name}: no amsgrad")
        decoupled = getattr(optimizer, "decoupled", False)
        if group["weight_decay"] and group.get("decoupled_weight_decay", decoupled) != decoupled:
            other = "Adam" if decoupled else "AdamW"
            raise ValueError(f"state dict: of {other}, whose weight decay is not that of {name}")
    left_out = {*EXECUTION, *SCHEDULES, *FORMULA, "decoupled_weight_decay"}
    return {
        option: value.item() if hasattr(value, "item") else value
        for option, value in group.items()
        if option not in left_out
    }


def _entries(
    optimizer: Optimizer, options: list[dict[str, Any]], state: Mapping[int, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    shapes = [shape for flat in optimizer._flat for shape in flat.shapes]
    numbered = [(number, group) for group in options for number in group["params"]]
    for (number, group), shape in zip(numbered, shapes, strict=False):  # told by the caller
        given = {name: value for name, value in state.get(number, {}).items() if value is not None}
        needed = optimizer._needed({**optimizer.param_groups[0], **group})
        step = float(given.pop("step", 0))
        zeros = {} if given else {name: np.zeros(shape) for name in needed}
        yield {"step": int(step) if step.is_integer() else step, **zeros, **given}

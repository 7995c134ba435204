"""The state of a training as plain values: the part of the optimizer, and whether it all fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import Array
from ..optim import Optimizer


def optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """The state dict of the optimizer with lists and text keys only, and its class."""
    state = optimizer.state_dict()
    return {
        "class": type(optimizer).__name__,
        "groups": state["param_groups"],
        "state": list(state["state"].values()),
    }


def load_optimizer_state(optimizer: Optimizer, saved: Mapping[str, Any]) -> None:
    """Restore an ``optimizer_state``. Raises ValueError if it is from another optimizer."""
    first = optimizer.param_groups[0]  # tells which options are tuples: in JSON they were lists
    groups = [
        {k: tuple(v) if isinstance(first.get(k), tuple) else v for k, v in group.items()}
        for group in saved["groups"]
    ]
    state = dict(enumerate(saved["state"]))
    optimizer.load_state_dict({"param_groups": groups, "state": state})


def check_state(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise ValueError unless ``saved`` is the state of a Trainer like the one of ``own``.

    The model, optimizer, metrics and callbacks with a state are compared here; everything else is
    checked by the object it belongs to.
    """
    for part in ("model", "loss"):  # older checkpoints have no loss
        if differing := _differences(saved.get(part, own[part]), own[part]):
            raise ValueError(f"state dict: of another {part}: {differing}")
    for name, kinds in _kinds(saved).items():
        if kinds != (expected := _kinds(own)[name]):
            raise ValueError(f"state dict: {name}: {kinds}, this Trainer's: {expected}")


def _kinds(state: Mapping[str, Any]) -> dict[str, str]:
    callbacks = [entry["class"] for entry in state["callbacks"]]
    return {
        "optimizer": state["optimizer"]["class"],
        "metrics": ", ".join(state["metrics"]) or "none",
        "callbacks with a state": ", ".join(callbacks) or "none",
    }


def _differences(there: Mapping[str, Array], here: Mapping[str, Array]) -> str:
    """The first weights of two models that differ in name, shape or dtype; empty if none does."""
    kinds = [{n: f"{a.dtype} {a.shape}" for n, a in state.items()} for state in (there, here)]
    names = [name for name in {**there, **here} if kinds[0].get(name) != kinds[1].get(name)]
    shown = [
        f"{name} is {kinds[0].get(name, 'missing')}, here {kinds[1].get(name, 'missing')}"
        for name in names[:3]
    ]
    return "; ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

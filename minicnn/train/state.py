"""The state of a training as plain values: the part of the optimizer, and whether it all fits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..backend import Array, to_device
from ..checks import brief
from ..fields import count, fields, flag, items, mapping, number, plain, text, values
from ..optim import Optimizer
from .checkpoint_file import array
from .finite import describe_nonfinite

NEVER_BELOW_0 = ("running_var", "num_batches_tracked")
"""Buffers of a batch norm."""


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
        {
            k: tuple(v) if isinstance(v, list) and isinstance(first.get(k), tuple) else v
            for k, v in group.items()
        }
        for group in saved["groups"]
    ]
    state = dict(enumerate(saved["state"]))
    optimizer.load_state_dict({"param_groups": groups, "state": state})


_check_sums = fields({"sums": values(number())})
_check = fields(
    {
        "model": values(array),
        "loss": values(array),
        "optimizer": fields({"class": text, "groups": items(mapping), "state": items(mapping)}),
        "callbacks": items(fields({"class": text, "state": mapping})),
        "generator": mapping,
        "progress": fields(
            {"epoch": count, "batch": count, "means": fields({"sums": values(number())})}
        ),
        "metrics": items(text),
        "history": items(values(number())),
        "stopped": flag,
        "options": values(plain),
    },
    may_lack=["loss", "options"],  # as older checkpoints do
)


def check_state(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise ValueError unless ``saved`` is the state of a Trainer like the one of ``own``.

    The form of the whole is checked here, and that the model, optimizer, metrics and callbacks with
    a state are the same; everything else is checked by the object it belongs to.
    """
    state = _check("state dict", saved)
    for part in ("model", "loss"):
        if differing := _differences(state.get(part, own[part]), own[part]):
            raise ValueError(f"state dict: of another {part}: {differing}")
        _check_statistics(f"state dict: {part}", state.get(part, {}))
    for name, kinds in _kinds(state).items():
        if kinds != (expected := _kinds(own)[name]):
            there, here = (brief(", ".join(k) or "none")[1:-1] for k in (kinds, expected))
            raise ValueError(f"state dict: {name}: {there}, this Trainer's: {here}")
    _check_rows(state)


def _check_rows(state: Mapping[str, Any]) -> None:
    """Raise ValueError for a History and means without what every epoch has."""
    columns = ["loss", *state["metrics"]]
    for i, row in enumerate(state["history"]):
        if missing := [name for name in columns if name not in row]:
            raise ValueError(f"state dict: history[{i}]: is without {', '.join(missing)}")
    epoch, means = state["progress"]["epoch"], state["progress"]["means"]["sums"]
    if epoch > len(state["history"]):
        raise ValueError(
            f"state dict: progress: epoch {epoch}, but the history has {len(state['history'])}"
        )
    if not state["progress"]["batch"]:
        return
    if not math.isfinite(means.get("loss", 0.0)):
        raise ValueError(f"state dict: progress: a loss of {means['loss']}, the training diverged")
    if set(means) != set(columns):
        raise ValueError(f"state dict: progress: means of {brief([*means])}, expected {columns}")


def _kinds(state: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        "optimizer": [state["optimizer"]["class"]],
        "metrics": list(state["metrics"]),
        "callbacks with a state": [entry["class"] for entry in state["callbacks"]],
    }


def check_weights(
    name: str, saved: Mapping[str, Array], own: Mapping[str, Array], any_float: bool = False
) -> None:
    """Raise ValueError for weights that are not like the model's, or not finite where those are.

    any_float: whether floats may have another precision.
    """
    if differing := _differences(saved, own, any_float):
        raise ValueError(f"{name}: not of this model: {differing}")
    finite = {n: a for n, a in saved.items() if not describe_nonfinite({n: own[n]})}
    if bad := describe_nonfinite(finite):
        raise ValueError(f"{name}: NaN or infinity in {bad}")
    _check_statistics(name, saved)


def _check_statistics(name: str, weights: Mapping[str, Array]) -> None:
    """Raise ValueError for running statistics that no batches can have."""
    for place, statistics in weights.items():
        if place.rpartition(".")[2] in NEVER_BELOW_0:
            least = to_device(statistics, "cpu").min()
            if least < 0:
                raise ValueError(f"{name}: {place}: got {least}, expected 0 or more")


def _differences(
    there: Mapping[str, Array], here: Mapping[str, Array], any_float: bool = False
) -> str:
    """The first weights of two models that differ in name, shape or dtype; empty if none does."""

    def kind(array: Array) -> str:
        is_any = any_float and array.dtype.kind == "f"
        return f"{'float' if is_any else array.dtype} {array.shape}"

    kinds = [{name: kind(array) for name, array in state.items()} for state in (there, here)]
    names = [name for name in {**there, **here} if kinds[0].get(name) != kinds[1].get(name)]
    shown = [
        f"{name} is {kinds[0].get(name, 'missing')}, here {kinds[1].get(name, 'missing')}"
        for name in names[:3]
    ]
    return "; ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

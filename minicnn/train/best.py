"""The best value of a History column so far, for early stopping and for the best checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..checks import brief, check_choice, check_number
from ..fields import fields, number, optional, text
from .callback import Callback
from .finite import has_finite_loss
from .trainer import Trainer


class Best:
    """Keeps the best value of a metric: better is lower (mode "min") or higher ("max").

    callback: the name that errors begin with. metric: a column of the History. mode: None infers it
    from the name of the metric, "max" for an accuracy and "min" for a loss. min_delta: a value must
    be better by more than this. An epoch whose metric or loss is not finite is never the best.
    Raises TypeError or ValueError for invalid options, and for a mode that cannot be inferred.
    """

    def __init__(
        self, callback: str, metric: str, mode: str | None = None, min_delta: float = 0.0
    ) -> None:
        self.callback, self.metric = callback, metric
        self.min_delta = check_number(f"{callback}: min_delta", min_delta, "a number of 0 or more")
        if mode is None:
            mode = "max" if "accuracy" in metric else "min" if "loss" in metric else None
        if mode is None:
            raise ValueError(
                f"{callback}: mode: got None, expected 'min' or 'max', since the name {metric!r} "
                "does not tell whether lower or higher is better"
            )
        self.mode = check_choice(f"{callback}: mode", mode, ("min", "max"))
        self.value: float | None = None

    def update(self, row: Mapping[str, float]) -> bool:
        """Whether this row of the History is the best so far. Errors as in ``metric_of``."""
        value = metric_of(row, self.metric, self.callback)
        if not math.isfinite(value) or not has_finite_loss(row):
            return False
        if self.value is not None:
            gain = value - self.value if self.mode == "max" else self.value - value
            if gain <= self.min_delta:
                return False
        self.value = value
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best value, with the metric and mode it belongs to."""
        return {"metric": self.metric, "mode": self.mode, "value": self.value}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a ``state_dict()``. Raises ValueError for another metric or mode."""
        state = _check_state(f"state dict: {self.callback}", state_dict)
        there, here = (state["metric"], state["mode"]), (self.metric, self.mode)
        if there != here:
            raise ValueError(f"state dict: metric and mode are {brief(there)}, expected {here}")
        self.value = state["value"]


_check_state = fields({"metric": text, "mode": text, "value": optional(number("a finite number"))})


def check_metric(trainer: Trainer, metric: str, callback: str) -> None:
    """Raise ValueError for a metric that will not be a column in the fit that begins.

    A callback without ``added_columns`` may add any column, except those of the validation.
    """
    columns = ["loss", *trainer.metrics, "seconds", "images_per_second"]
    validated = [f"val_{name}" for name in ("loss", *trainer.metrics)]
    if trainer.progress.validation is not None:
        columns += validated
    unknown = False
    for other in trainer.callbacks:
        columns += other.added_columns or ()
        unknown |= not _says_its_columns(type(other))
    needs_validation = metric in validated and metric not in columns
    if metric in columns or (unknown and not needs_validation):
        return
    hint = f"; {metric} needs fit(..., validation=...)" if needs_validation else ""
    if trainer.callbacks:
        hint += "; a column of a callback has to be named in its added_columns"
    raise ValueError(
        f"{callback}: metric: got {metric!r}, but an epoch has {', '.join(columns)}{hint}"
    )


def _says_its_columns(kind: type[Callback]) -> bool:
    """Whether the class that defines ``on_epoch_end`` says which columns that adds."""
    for base in kind.__mro__:
        if vars(base).get("added_columns") is not None or base is Callback:
            return True
        if "on_epoch_end" in vars(base):
            return False
    return True


def metric_of(row: Mapping[str, float], metric: str, callback: str) -> float:
    """The metric in a row of the History. Raises ValueError, naming what there is, if missing."""
    if metric not in row:
        raise ValueError(f"{callback}: metric: got {metric!r}, but an epoch has {', '.join(row)}")
    return row[metric]

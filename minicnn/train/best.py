"""The best value of a History column so far; early stopping and best checkpoints look at it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..checks import check_choice, check_number


class Best:
    """Keeps the best value of a column: better is lower (mode "min") or higher ("max").

    mode: None goes by the name, "max" for an accuracy and "min" for a loss. min_delta: a value is
    better if it is so by more than this. One that is no finite number never is.
    Raises ValueError for a name that does not say the mode, another mode or a negative min_delta.
    """

    def __init__(self, metric: str, mode: str | None = None, min_delta: float = 0.0) -> None:
        self.metric, self.min_delta = metric, check_number("min_delta", min_delta)
        if mode is None:
            mode = "max" if "accuracy" in metric else "min" if "loss" in metric else None
        if mode is None:
            raise ValueError(f'mode: is {metric!r} better high or low? Give mode="max" or "min"')
        self.mode = check_choice("mode", mode, ("min", "max"))
        self.value: float | None = None

    def update(self, row: Mapping[str, float], asks: str) -> bool:
        """Whether the row is the best so far; asks is who wants to know. Errors as in column."""
        value = metric_of(row, self.metric, asks)
        if not math.isfinite(value):
            return False
        if self.value is not None:
            gain = value - self.value if self.mode == "max" else self.value - value
            if gain <= self.min_delta:
                return False
        self.value = value
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best value, and what it is of."""
        return {"metric": self.metric, "mode": self.mode, "value": self.value}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a ``state_dict()``. Raises ValueError for that of another metric or mode."""
        there, here = (state_dict["metric"], state_dict["mode"]), (self.metric, self.mode)
        if there != here:
            raise ValueError(f"state dict: metric and mode are {there}, expected {here}")
        self.value = state_dict["value"]


def metric_of(row: Mapping[str, float], metric: str, asks: str) -> float:
    """A value of a row. Raises ValueError naming who asks and what there is, if it is missing."""
    if metric not in row:
        raise ValueError(f"{asks}: metric is {metric!r}, but an epoch has {', '.join(row)}")
    return row[metric]

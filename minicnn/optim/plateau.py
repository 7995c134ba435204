"""Learning rates that follow a metric: reduced when it stops improving."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, SupportsFloat

from ..checks import check_choice, check_integer, check_number
from ..fields import number, optional
from .optimizer import Optimizer
from .schedules import Schedule, per_group


class ReduceLROnPlateau(Schedule):
    """The rate times factor when a metric has not improved for more than ``patience`` steps.

        better:  metric < best · (1 - threshold)   mode "min", threshold_mode "rel"
                 metric < best - threshold         mode "min", threshold_mode "abs"
                 metric > best · (1 + threshold)   mode "max", threshold_mode "rel"
                 metric > best + threshold         mode "max", threshold_mode "abs"
        rate = max(rate · factor, min_lr)          unless that changes it by eps or less

    PyTorch's rules: after a reduction, ``cooldown`` steps are not counted. A metric that is not
    finite is never better. min_lr is one number, or one per group. Raises TypeError for an option
    of a wrong type, ValueError for one out of its range.

    >>> optimizer = mc.optim.SGD([mc.Parameter(np.ones(1))], lr=0.1)
    >>> schedule = mc.optim.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (1.0, 0.5, 0.6, 0.7):
    ...     schedule.step(loss)
    >>> f"{schedule.get_last_lr()[0]:.3f}"
    '0.010'
    """

    counters: ClassVar = ("last_epoch", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.mode = check_choice("mode", mode, ("min", "max"))
        self.factor = check_number("factor", factor, "a number from 0 to below 1")
        self.patience = check_integer("patience", patience, least=0)
        self.threshold = check_number("threshold", threshold, "a number of 0 or more")
        self.threshold_mode = check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
        self.cooldown = check_integer("cooldown", cooldown, least=0)
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.eps = check_number("eps", eps, "a number of 0 or more")
        self.best: float | None = None
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        return base  # the base rates themselves are reduced

    def step(self, metric: SupportsFloat) -> None:  # type: ignore[override]  # PyTorch's, too
        """Advance by one step, after which the metric has this value."""
        try:
            value = float(metric)
        except (TypeError, ValueError):
            raise TypeError(f"metric: got {metric!r}, expected a number") from None
        self.last_epoch += 1
        self.num_bad_epochs += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._set(self.base_lrs)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "best": self.best}

    def _checked(self, state_dict: Mapping[str, Any]) -> dict[str, Any]:
        checked = super()._checked(state_dict)
        best = optional(number("a finite number"))("state dict: best", state_dict["best"])
        return {**checked, "best": best}

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value) or self.best is None:
            return math.isfinite(value)
        sign = 1 if self.mode == "max" else -1
        change = sign * self.threshold
        limit = self.best * (1 + change) if self.threshold_mode == "rel" else self.best + change
        return sign * value > sign * limit

    def _reduce(self) -> None:
        for i, (old, least) in enumerate(zip(self.base_lrs, self.min_lrs, strict=True)):
            new = max(old * self.factor, least)
            if old - new > self.eps:
                self.base_lrs[i] = new

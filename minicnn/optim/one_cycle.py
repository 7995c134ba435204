"""One cycle: the rate rises and then falls far, while the momentum does the opposite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..checks import check_choice, check_integer, check_number
from .optimizer import Optimizer
from .schedules import Schedule, per_group


class Phase(NamedTuple):
    """Until step ``stop``, the rate and the momentum go from the first to the second number."""

    stop: float
    rates: tuple[float, float]
    momenta: tuple[float, float]


class OneCycleLR(Schedule):
    """The 1cycle policy (Smith and Topin, 2018), PyTorch's formulas; one step per batch.

        base = max_lr / div_factor                 low = base / final_div_factor
        u = pct_start · total_steps - 1            v = 2u             w = total_steps - 1
        rate(t) = base -> max_lr until t = u, max_lr -> low until w; with three_phase
                  base -> max_lr until t = u, max_lr -> base until v, base -> low until w
        a -> b  = b + (a - b) · (1 + cos(pi · f)) / 2      "cos", f the fraction of the phase
                  a + (b - a) · f                          "linear"

    The momentum (SGD, RMSprop) or betas[0] (Adam, AdamW) goes from max_momentum to base_momentum
    while the rate rises, and back while it falls; with three_phase it then stays there. max_lr is
    one number, or one per group. The optimizer's own rates and momenta are not used.
    Raises TypeError for an option of a wrong type, ValueError for one out of its range, for an
    optimizer without momentum unless cycle_momentum is False, and for a step after total_steps.

    >>> optimizer = mc.optim.SGD([mc.Parameter(np.ones(1))], lr=0.1, momentum=0.9)
    >>> schedule = mc.optim.OneCycleLR(optimizer, max_lr=1.0, total_steps=10, pct_start=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        highest = per_group("max_lr", max_lr, optimizer)
        self.anneal_strategy = check_choice("anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not {"momentum", "betas"} & optimizer.param_groups[0].keys():
            raise ValueError(
                f"cycle_momentum: {type(optimizer).__name__} has neither momentum nor betas; "
                "use an optimizer that has one, or cycle_momentum=False"
            )
        top = check_number("div_factor", div_factor, "a number above 0")
        low = 1 / check_number("final_div_factor", final_div_factor, "a number above 0")
        calm = check_number("max_momentum", max_momentum, "a number from 0 to below 1")
        fast = check_number("base_momentum", base_momentum, "a number from 0 to below 1")
        u = check_number("pct_start", pct_start, "a number from 0 to 1") * self.total_steps - 1
        w = self.total_steps - 1
        self.phases = [Phase(u, (1, top), (calm, fast))]
        if three_phase:
            self.phases += [Phase(2 * u, (top, 1), (fast, calm)), Phase(w, (1, low), (calm, calm))]
        else:
            self.phases += [Phase(w, (top, low), (fast, calm))]
        super().__init__(optimizer, [lr / top for lr in highest])

    def rate(self, base: float, step: int) -> float:
        phase, part = self._phase(step)
        return base * self._anneal(phase.rates, part)

    def momentum(self, step: int) -> float | None:
        if not self.cycle_momentum:
            return None
        phase, part = self._phase(step)
        return self._anneal(phase.momenta, part)

    def _phase(self, step: int) -> tuple[Phase, float]:
        """The phase that a step is in, and the fraction of it that has passed."""
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} of {self.total_steps}, the cycle is over")
        start = 0.0
        for phase in self.phases:
            if step <= phase.stop:
                break
            start = phase.stop
        # A schedule steps once more after the last batch, and then stays at the end.
        part = (step - start) / (phase.stop - start) if step < phase.stop else 1.0
        return phase, part

    def _anneal(self, ends: tuple[float, float], part: float) -> float:
        a, b = ends
        if self.anneal_strategy == "linear":
            return a + (b - a) * part
        return b + (a - b) * (1 + math.cos(math.pi * part)) / 2


def _total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        return check_integer("total_steps", total_steps, least=1)
    if epochs is None or steps_per_epoch is None:
        raise ValueError(
            f"total_steps: got None, epochs {epochs}, steps_per_epoch {steps_per_epoch}; "
            "expected total_steps, or both others"
        )
    counts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    return math.prod(check_integer(name, count, least=1) for name, count in counts.items())

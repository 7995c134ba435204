"""Learning rates that change from step to step: the base class and the short schedules."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..checks import brief, check_integer, check_number
from ..fields import count, fields, items, mapping, number, text
from .optimizer import Optimizer


class Schedule:
    """Sets the learning rates of an optimizer; a subclass defines them, in ``rate``.

        for x, y in batches:
            ...
            optimizer.step()
            schedule.step()

    The rate is a function of the base rate, which a group of the optimizer has when the schedule is
    created, and of the number of steps since then: anything else written to the group's "lr" is
    lost at the next step. Raises TypeError for anything but an Optimizer.

    >>> class Halves(mc.optim.Schedule):
    ...     def rate(self, base, step):
    ...         return base / 2**step
    >>> schedule = Halves(mc.optim.SGD([mc.Parameter(np.ones(1))], lr=0.1))
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.05]
    """

    counters: ClassVar[tuple[str, ...]] = ("last_epoch",)
    """The attributes that count something, which are saved."""

    def __init__(self, optimizer: Optimizer, base_lrs: Sequence[float] | None = None) -> None:
        self.optimizer = _check_optimizer(optimizer)
        self.base_lrs = [float(group["lr"]) for group in optimizer.param_groups]
        if base_lrs is not None:
            self.base_lrs = list(base_lrs)
        self.initial_lrs = list(self.base_lrs)
        self.last_epoch = 0
        self._set(self._rates(self.base_lrs, 0))

    def rate(self, base: float, step: int) -> float:
        """The learning rate after this many steps, given the base rate."""
        raise NotImplementedError(f"{type(self).__name__} defines no rate")

    def momentum(self, step: int) -> float | None:
        """The momentum after this many steps; None leaves that of the optimizer unchanged."""
        return None

    def step(self) -> None:
        """Advance by one step: an epoch or a batch, whatever the schedule counts."""
        rates = self._rates(self.base_lrs, self.last_epoch + 1)
        self.last_epoch += 1
        self._set(rates)

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return self._rates(self.base_lrs, self.last_epoch)

    def options(self) -> dict[str, Any]:
        """What the schedule was created with, its attributes other than those that steps change."""
        left_out = {"optimizer", *self.state_dict()}
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def state_dict(self) -> dict[str, Any]:
        """The progress of the schedule as values that JSON can hold, without its options."""
        numbers = {name: getattr(self, name) for name in self.counters}
        return {"schedule": self.kind, "base_lrs": list(self.base_lrs), **numbers}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a ``state_dict()`` and set the rates; all of it or, on error, nothing.

        The schedule must have been created with the same options. Raises ValueError if it is not
        the state of a schedule like this one.
        """
        state = self._checked(state_dict)
        try:
            rates = self._rates(state["base_lrs"], state["last_epoch"])
        except (ArithmeticError, TypeError) as error:
            step = state["last_epoch"]
            raise ValueError(f"state dict: there is no rate after {step} steps: {error}") from error
        for name, value in state.items():
            setattr(self, name, value)
        self._set(rates)

    @property
    def kind(self) -> str:
        """The kind of schedule, as it is named in its state."""
        return type(self).__name__

    def _checked(self, state_dict: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes in a state dict."""
        own = self.state_dict()
        if mapping("state dict", state_dict).keys() != own.keys():
            raise ValueError(f"state dict: got {brief(state_dict)}, expected the keys {list(own)}")
        check = fields(
            {
                "schedule": text,
                "base_lrs": items(number("a number of 0 or more"), len(self.base_lrs)),
                **dict.fromkeys(self.counters, count),
            }
        )
        state = check("state dict", state_dict)
        if (kind := state.pop("schedule")) != self.kind:
            raise ValueError(f"state dict: got {brief(kind)}, expected {self.kind!r}")
        return state

    def _rates(self, base_lrs: Sequence[float], step: int) -> list[float]:
        where = f"{type(self).__name__}: rate after {step} steps"
        return [_rate(where, self.rate(base, step)) for base in base_lrs]

    def _set(self, rates: Sequence[float]) -> None:
        momentum = self.momentum(self.last_epoch)
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
            if momentum is not None and "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            elif momentum is not None:
                group["momentum"] = momentum


class StepLR(Schedule):
    """The rate times gamma after every step_size steps.

        rate(t) = base · gamma^floor(t / step_size)

    Raises ValueError for a step_size below 1 or a negative gamma.

    >>> schedule = mc.optim.StepLR(mc.optim.SGD([mc.Parameter(np.ones(1))], lr=0.5), 2)
    >>> for _ in range(4):
    ...     schedule.step()
    ...     print(f"{schedule.get_last_lr()[0]:.3f}")
    0.500
    0.050
    0.050
    0.005
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = check_integer("step_size", step_size, least=1)
        self.gamma = _rate("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        return base * self.gamma ** (step // self.step_size)


class MultiStepLR(Schedule):
    """The rate times gamma at each milestone, a number of steps.

        rate(t) = base · gamma^(number of milestones <= t)

    Raises ValueError for milestones below 1 or a negative gamma.

    >>> optimizer = mc.optim.SGD([mc.Parameter(np.ones(1))], lr=0.5)
    >>> schedule = mc.optim.MultiStepLR(optimizer, [2, 3])
    >>> [f"{schedule.rate(0.5, t):.3f}" for t in range(5)]
    ['0.500', '0.500', '0.050', '0.005', '0.005']
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        if not isinstance(milestones, Iterable):
            raise TypeError(f"milestones: got {milestones!r}, expected a list of step numbers")
        self.milestones = sorted(check_integer("milestones", m, least=1) for m in milestones)
        self.gamma = _rate("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        return base * self.gamma ** bisect_right(self.milestones, step)


class ExponentialLR(Schedule):
    """The rate times gamma after every step.

        rate(t) = base · gamma^t

    Raises ValueError for a negative gamma.

    >>> schedule = mc.optim.ExponentialLR(mc.optim.SGD([mc.Parameter(np.ones(1))], lr=1.0), 0.5)
    >>> schedule.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = _rate("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        return base * self.gamma**step


class CosineAnnealingLR(Schedule):
    """Half a cosine wave down to eta_min in T_max steps (Loshchilov and Hutter, 2017).

        rate(t) = eta_min + (base - eta_min) · (1 + cos(pi · t / T_max)) / 2

    Without restarts: after T_max the wave rises again, as in PyTorch. Raises ValueError for a
    T_max below 1 or a negative eta_min.

    >>> optimizer = mc.optim.SGD([mc.Parameter(np.ones(1))], lr=1.0)
    >>> schedule = mc.optim.CosineAnnealingLR(optimizer, T_max=4)
    >>> [f"{schedule.rate(1.0, t):.2f}" for t in range(5)]
    ['1.00', '0.85', '0.50', '0.15', '0.00']
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = check_integer("T_max", T_max, least=1)
        self.eta_min = _rate("eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        wave = (1 + math.cos(math.pi * step / self.T_max)) / 2
        return self.eta_min + (base - self.eta_min) * wave


class LinearWarmup(Schedule):
    """A rate that grows to the base rate in warmup_steps steps, followed by another schedule.

        rate(t) = base · (t + 1) / warmup_steps    while t < warmup_steps (Goyal et al., 2017)
        rate(t) = after.rate(t - warmup_steps)     from then on; the base rate without ``after``

    ``after`` is a schedule of the same optimizer whose own ``step`` is not called. Raises TypeError
    for an ``after`` that is not a schedule, ValueError for warmup_steps below 0, or an ``after`` of
    another optimizer or one that follows a metric.

    >>> optimizer = mc.optim.SGD([mc.Parameter(np.ones(1))], lr=1.0)
    >>> after = mc.optim.ExponentialLR(optimizer, 0.5)
    >>> schedule = mc.optim.LinearWarmup(optimizer, 4, after)
    >>> [schedule.rate(1.0, t) for t in range(7)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, after: Schedule | None = None
    ) -> None:
        self.warmup_steps = check_integer("warmup_steps", warmup_steps, least=0)
        if after is not None:
            _check_after(after, _check_optimizer(optimizer))
        self.after = after
        super().__init__(optimizer, None if after is None else after.base_lrs)

    def rate(self, base: float, step: int) -> float:
        if step < self.warmup_steps:
            return base * (step + 1) / self.warmup_steps
        return base if self.after is None else self.after.rate(base, step - self.warmup_steps)

    def momentum(self, step: int) -> float | None:
        if self.after is None:
            return None
        return self.after.momentum(max(step - self.warmup_steps, 0))

    @property
    def kind(self) -> str:
        return super().kind + (f", {self.after.kind}" if self.after else "")


def _check_after(after: Any, optimizer: Optimizer) -> None:
    if not isinstance(after, Schedule):
        raise TypeError(f"after: got a {type(after).__name__}, expected a schedule or None")
    if type(after).step is not Schedule.step:  # it counts more than steps
        raise ValueError(f"after: got {type(after).__name__}, whose step takes a metric")
    if after.optimizer is not optimizer:
        raise ValueError("after: got a schedule of another optimizer, expected one of the same")


def _check_optimizer(optimizer: Any) -> Optimizer:
    """The optimizer. Raises TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: got a {type(optimizer).__name__}, expected an Optimizer")
    return optimizer


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[float]:
    """One number per group, given as one number for all or as a list.

    Raises ValueError for negative numbers or a list of another length.
    """
    groups = len(_check_optimizer(optimizer).param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"{name}: got {len(values)} numbers, expected {groups}, one per group")
    return [_rate(name, v) for v in values]


def _rate(name: str, value: Any) -> float:
    return check_number(name, value, "a number of 0 or more")

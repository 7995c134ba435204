"""Adagrad: steps that shrink where gradients have been large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..backend import kernels_for
from .checks import check_number
from .optimizer import Optimizer, Slice

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011), PyTorch's formulas.

        g = grad + weight_decay · p
        s = s + g²                                 s starts as initial_accumulator_value
        p = p - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(s) + eps)      t = 1, 2, ...

    Raises ValueError for negative options.
    """

    state_names: ClassVar = {"sum": None}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        for group, flat in zip(self.param_groups, self._flat, strict=True):
            flat.state["sum"][...] = group["initial_accumulator_value"]

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        for name in ("lr_decay", "initial_accumulator_value", "eps"):
            check_number(name, options[name])

    def update(self, s: Slice, options: dict[str, Any]) -> None:
        lr = options["lr"] / (1 + (s.step - 1) * options["lr_decay"])
        adagrad = kernels_for(s.data).adagrad
        adagrad(s.data, s.grad, s.state["sum"], lr, options["eps"], options["weight_decay"])

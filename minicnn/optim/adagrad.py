"""Adagrad: steps that shrink where gradients have been large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..backend import Array, array_module
from ..backend.updates import fused
from .checks import check_number
from .optimizer import Optimizer


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

    @staticmethod
    @fused("adagrad")
    def update(
        p: Array,
        grad: Array,
        step: int,
        sum: Array,
        lr: float,
        lr_decay: float,
        weight_decay: float,
        initial_accumulator_value: float,
        eps: float,
    ) -> None:
        g, s = grad + weight_decay * p if weight_decay else grad, sum
        s += g * g
        p -= lr / (1 + (step - 1) * lr_decay) * g / (array_module(p).sqrt(s) + eps)

"""Adadelta: steps in the units of the parameters, without a learning rate to find."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..backend import Array, array_module
from ..backend.updates import fused
from .checks import check_number
from .optimizer import Optimizer


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012), PyTorch's formulas.

        g = grad + weight_decay · p
        v = rho · v + (1 - rho) · g²               the mean of g², starting as 0
        d = sqrt(u + eps) / sqrt(v + eps) · g
        u = rho · u + (1 - rho) · d²               the mean of d², starting as 0
        p = p - lr · d

    Raises ValueError for negative options, or rho above 1.
    """

    state_names: ClassVar = {"square_avg": None, "acc_delta": None}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        check_number("rho", options["rho"], "from 0 to 1")
        check_number("eps", options["eps"])

    @staticmethod
    @fused("adadelta")
    def update(
        p: Array,
        grad: Array,
        step: int,
        square_avg: Array,
        acc_delta: Array,
        lr: float,
        rho: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        g, v, u = grad + weight_decay * p if weight_decay else grad, square_avg, acc_delta
        xp = array_module(p)
        v *= rho
        v += (1 - rho) * (g * g)
        d = xp.sqrt(u + eps) / xp.sqrt(v + eps) * g
        u *= rho
        u += (1 - rho) * (d * d)
        p -= lr * d

"""Stochastic gradient descent, with momentum and Nesterov's look ahead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..backend import Array
from ..backend.updates import fused
from .checks import check_number
from .optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins and Monro, 1951), PyTorch's formulas.

        g = grad + weight_decay · p
        b = momentum · b + g                       b starts as 0 (Polyak, 1964)
        p = p - lr · (g + momentum · b if nesterov else b)

    Nesterov's variant as in Sutskever et al., 2013. Raises ValueError for negative options, or
    nesterov without momentum.
    """

    state_names: ClassVar = {"momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
        )

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        check_number("momentum", options["momentum"])
        if options["nesterov"] and not options["momentum"]:
            raise ValueError("nesterov: needs a momentum above 0")

    @staticmethod
    @fused("sgd")
    def update(
        p: Array,
        grad: Array,
        step: int,
        momentum_buffer: Array | None,
        lr: float,
        momentum: float,
        weight_decay: float,
        nesterov: bool,
    ) -> None:
        g, b = grad + weight_decay * p if weight_decay else grad, momentum_buffer
        if b is not None:
            b *= momentum
            b += g
            g = g + momentum * b if nesterov else b
        p -= lr * g

"""Adam: every parameter with a step size of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..backend import array_module
from .optimizer import Optimizer, Slice

__all__ = ["Adam"]


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), PyTorch's formulas.

        g = grad + weight_decay · p
        m = beta1 · m + (1 - beta1) · g            the mean of g, starting as 0
        v = beta2 · v + (1 - beta2) · g²           the mean of g², starting as 0
        p = p - lr · (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)      t = 1, 2, ...

    Raises ValueError for negative options, or a beta outside [0, 1).
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        betas = options["betas"]
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas: got {betas}, expected two in [0, 1)")
        if not options["eps"] >= 0:
            raise ValueError(f"eps: got {options['eps']}, expected 0 or more")

    def update(self, s: Slice, options: dict[str, Any]) -> None:
        (beta1, beta2), g = options["betas"], s.grad
        m, v = s.state["exp_avg"], s.state["exp_avg_sq"]
        if options["weight_decay"]:
            g += options["weight_decay"] * s.data
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        denominator = array_module(v).sqrt(v) / math.sqrt(1 - beta2**s.step) + options["eps"]
        s.data[...] -= (options["lr"] / (1 - beta1**s.step)) * m / denominator

"""Adam and AdamW: every parameter with a step size of its own, from its gradients so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from ..backend import Array, array_module
from ..backend.updates import fused
from .checks import check_number
from .optimizer import Optimizer


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), PyTorch's formulas.

        g = grad + weight_decay · p
        m = beta1 · m + (1 - beta1) · g            the mean of g, starting as 0
        v = beta2 · v + (1 - beta2) · g²           the mean of g², starting as 0
        p = p - lr · (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)      t = 1, 2, ...

    Raises ValueError for negative options, or a beta outside [0, 1).
    """

    state_names: ClassVar = {"exp_avg": None, "exp_avg_sq": None}

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
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise ValueError(f"betas: got {betas!r}, expected two numbers")
        for i, beta in enumerate(betas):
            check_number(f"betas[{i}]", beta, "from 0 to below 1")
        check_number("eps", options["eps"])

    @staticmethod
    @fused("adam")
    def update(
        p: Array,
        grad: Array,
        step: int,
        exp_avg: Array,
        exp_avg_sq: Array,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        g, m, v = grad + weight_decay * p if weight_decay else grad, exp_avg, exp_avg_sq
        beta1, beta2 = betas
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        denominator = array_module(p).sqrt(v) / math.sqrt(1 - beta2**step) + eps
        p -= (lr / (1 - beta1**step)) * m / denominator


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), PyTorch's formulas.

        p = p - lr · weight_decay · p
        then Adam's update of p with g = grad

    The decay does not go through the means of g and g², so that it is the same for parameters
    with large and with small gradients. Raises ValueError as Adam does.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    @staticmethod
    @fused("adamw")
    def update(
        p: Array,
        grad: Array,
        step: int,
        exp_avg: Array,
        exp_avg_sq: Array,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        if weight_decay:
            p *= 1 - lr * weight_decay
        Adam.update(p, grad, step, exp_avg, exp_avg_sq, lr, betas, eps, weight_decay=0.0)

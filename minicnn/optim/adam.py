"""Adam and AdamW: every parameter has its own step size, estimated from its past gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..backend import Array, array_module
from ..backend.updates import Options, State, fused
from ..checks import check_number
from .optimizer import Optimizer, Params


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), PyTorch's formulas.

        g = grad + weight_decay · p
        m = beta1 · m + (1 - beta1) · g            the mean of g, starting as 0
        v = beta2 · v + (1 - beta2) · g²           the mean of g², starting as 0
        p = p - lr · (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)      t = 1, 2, ...

    Raises TypeError for options that are not numbers, ValueError for negative ones or a beta
    outside [0, 1).

    >>> p = mc.Parameter(np.array([1.0, -1.0]))
    >>> optimizer = mc.optim.Adam([p], lr=0.1)
    >>> (100 * p[0] + p[1]).backward()
    >>> optimizer.step()  # the first step is lr for every parameter, however large its gradient
    >>> p
    tensor([ 0.9, -1.1], dtype=float64, requires_grad=True)
    """

    state_names: ClassVar = {"exp_avg": None, "exp_avg_sq": None}
    squares: ClassVar = ("exp_avg_sq",)
    ranges: ClassVar = {**Optimizer.ranges, "eps": "a number of 0 or more"}
    decoupled: ClassVar = False
    """Whether the weight decay is not a part of the gradient."""

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def check(self, options: Mapping[str, Any]) -> None:
        super().check(options)
        betas = options["betas"]
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise TypeError(f"{type(self).__name__}: betas: got {betas!r}, expected two numbers")
        for i, beta in enumerate(betas):
            name = f"{type(self).__name__}: betas[{i}]"
            check_number(name, beta, "a number from 0 to below 1")

    @staticmethod
    @fused("adam")
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        g = grad + o.weight_decay * p if o.weight_decay else grad
        m, v, (beta1, beta2) = state.exp_avg, state.exp_avg_sq, o.betas
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        denominator = array_module(p).sqrt(v) / math.sqrt(1 - beta2**step) + o.eps
        p -= (o.lr / (1 - beta1**step)) * m / denominator


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), PyTorch's formulas.

        p = p - lr · weight_decay · p
        then Adam's update of p with g = grad

    The decay does not enter the means of g and g², so it is the same for parameters with large
    and with small gradients. Raises the errors of Adam.

    >>> p = mc.Parameter(np.array([1.0]))
    >>> optimizer = mc.optim.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (0 * p).sum().backward()  # no gradient, only the decay
    >>> optimizer.step()
    >>> p
    tensor([0.95], dtype=float64, requires_grad=True)
    """

    decoupled: ClassVar = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    @staticmethod
    @fused("adamw")
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        if o.weight_decay:
            p *= 1 - o.lr * o.weight_decay
        Adam.update(p, grad, step, state, Options(**{**vars(o), "weight_decay": 0.0}))

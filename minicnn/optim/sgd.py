"""Stochastic gradient descent, with momentum and Nesterov's look-ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..backend import Array
from ..backend.updates import Options, State, fused
from .optimizer import Optimizer, Params


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins and Monro, 1951), PyTorch's formulas.

        g = grad + weight_decay · p
        b = momentum · b + g                       b starts as 0 (Polyak, 1964)
        p = p - lr · (g + momentum · b if nesterov else b)

    Nesterov's variant as in Sutskever et al., 2013. Raises TypeError for options that are not
    numbers, ValueError for negative ones, or nesterov without momentum.

    >>> p = mc.Parameter(np.array([1.0]))
    >>> optimizer = mc.optim.SGD([p], lr=0.1)
    >>> (p**2).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.8], dtype=float64, requires_grad=True)
    """

    state_names: ClassVar = {"momentum_buffer": "momentum"}
    ranges: ClassVar = {**Optimizer.ranges, "momentum": "a number of 0 or more"}

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, **options, nesterov=nesterov)

    def check(self, options: Mapping[str, Any]) -> None:
        super().check(options)
        if options["nesterov"] and not options["momentum"]:
            raise ValueError("SGD: nesterov: needs a momentum above 0")

    @staticmethod
    @fused("sgd")
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        g, b = grad + o.weight_decay * p if o.weight_decay else grad, state.momentum_buffer
        if b is not None:
            b *= o.momentum
            b += g
            g = g + o.momentum * b if o.nesterov else b
        p -= o.lr * g

"""Adadelta: steps in the units of the parameters, without a learning rate to find."""

from __future__ import annotations

from typing import ClassVar

from ..backend import Array, array_module
from ..backend.updates import Options, State, fused
from .optimizer import Optimizer, Params


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012), PyTorch's formulas.

        g = grad + weight_decay · p
        v = rho · v + (1 - rho) · g²               the mean of g², starting as 0
        d = sqrt(u + eps) / sqrt(v + eps) · g
        u = rho · u + (1 - rho) · d²               the mean of d², starting as 0
        p = p - lr · d

    Raises TypeError for options that are not numbers, ValueError for negative ones or rho above 1.

    >>> p = mc.Parameter(np.array([1.0]))
    >>> optimizer = mc.optim.Adadelta([p])
    >>> p.sum().backward()
    >>> optimizer.step()
    >>> print(f"{1 - p.item():.5f}")  # sqrt(eps / 0.1)
    0.00316
    """

    state_names: ClassVar = {"square_avg": None, "acc_delta": None}
    squares: ClassVar = ("square_avg", "acc_delta")
    ranges: ClassVar = {
        **Optimizer.ranges,
        "rho": "a number from 0 to 1",
        "eps": "a number of 0 or more",
    }

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    @staticmethod
    @fused("adadelta")
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        g = grad + o.weight_decay * p if o.weight_decay else grad
        v, u, xp = state.square_avg, state.acc_delta, array_module(p)
        v *= o.rho
        v += (1 - o.rho) * (g * g)
        d = xp.sqrt(u + o.eps) / xp.sqrt(v + o.eps) * g
        u *= o.rho
        u += (1 - o.rho) * (d * d)
        p -= o.lr * d

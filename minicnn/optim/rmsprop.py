"""RMSprop: gradients divided by their recent size."""

from __future__ import annotations

from typing import ClassVar

from ..backend import Array, array_module
from ..backend.updates import Options, State, fused
from .optimizer import Optimizer, Params


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012, lecture 6.5), PyTorch's formulas.

        g = grad + weight_decay · p
        v = alpha · v + (1 - alpha) · g²           the mean of g², starting as 0
        m = alpha · m + (1 - alpha) · g            if centered: the mean of g, starting as 0
        d = g / (sqrt(v - m² if centered else v) + eps)
        b = momentum · b + d                       b starts as 0
        p = p - lr · b

    Centered as in Graves, 2013. Raises TypeError for options that are not numbers, ValueError for
    negative ones or alpha above 1.

    >>> p = mc.Parameter(np.array([1.0, 1.0]))
    >>> optimizer = mc.optim.RMSprop([p], lr=0.01)
    >>> (100 * p[0] + p[1]).backward()
    >>> optimizer.step()  # 1 / sqrt(1 - alpha) = 10 times lr, for both
    >>> p.data.round(3)
    array([0.9, 0.9])
    """

    state_names: ClassVar = {
        "square_avg": None,
        "momentum_buffer": "momentum",
        "grad_avg": "centered",
    }
    squares: ClassVar = ("square_avg",)
    ranges: ClassVar = {
        **Optimizer.ranges,
        "alpha": "a number from 0 to 1",
        "eps": "a number of 0 or more",
        "momentum": "a number of 0 or more",
    }

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, **options, momentum=momentum, centered=centered)

    @staticmethod
    @fused("rmsprop")
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        g = grad + o.weight_decay * p if o.weight_decay else grad
        v, m, b, xp = state.square_avg, state.grad_avg, state.momentum_buffer, array_module(p)
        v *= o.alpha
        v += (1 - o.alpha) * (g * g)
        if m is not None:
            m *= o.alpha
            m += (1 - o.alpha) * g
            v = xp.maximum(v - m * m, 0)  # rounding makes it negative where g never changes
        d = g / (xp.sqrt(v) + o.eps)
        if b is not None:
            b *= o.momentum
            b += d
            d = b
        p -= o.lr * d

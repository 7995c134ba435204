"""RMSprop: gradients divided by their recent size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..backend import Array, array_module
from ..backend.updates import fused
from .checks import check_number
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012, lecture 6.5), PyTorch's formulas.

        g = grad + weight_decay · p
        v = alpha · v + (1 - alpha) · g²           the mean of g², starting as 0
        m = alpha · m + (1 - alpha) · g            if centered: the mean of g, starting as 0
        d = g / (sqrt(v - m² if centered else v) + eps)
        b = momentum · b + d                       b starts as 0
        p = p - lr · b

    Centered as in Graves, 2013. Raises ValueError for negative options, or alpha above 1.
    """

    state_names: ClassVar = {
        "square_avg": None,
        "momentum_buffer": "momentum",
        "grad_avg": "centered",
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        check_number("alpha", options["alpha"], "from 0 to 1")
        for name in ("eps", "momentum"):
            check_number(name, options[name])

    @staticmethod
    @fused("rmsprop")
    def update(
        p: Array,
        grad: Array,
        step: int,
        square_avg: Array,
        momentum_buffer: Array | None,
        grad_avg: Array | None,
        lr: float,
        alpha: float,
        eps: float,
        weight_decay: float,
        momentum: float,
        centered: bool,
    ) -> None:
        xp = array_module(p)
        g, v, m, b = grad, square_avg, grad_avg, momentum_buffer
        if weight_decay:
            g = g + weight_decay * p
        v *= alpha
        v += (1 - alpha) * (g * g)
        if m is not None:
            m *= alpha
            m += (1 - alpha) * g
            v = xp.maximum(v - m * m, 0)  # rounding makes it negative where g never changes
        d = g / (xp.sqrt(v) + eps)
        if b is not None:
            b *= momentum
            b += d
            d = b
        p -= lr * d

"""Adagrad: steps that shrink where gradients have been large."""

from __future__ import annotations

from typing import ClassVar

from ..backend import Array, array_module, on_device_of
from ..backend.updates import Options, State, fused
from .optimizer import Optimizer, Params


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011), PyTorch's formulas.

        g = grad + weight_decay · p
        s = s + g²                                 s starts as initial_accumulator_value
        p = p - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(s) + eps)      t = 1, 2, ...

    Raises TypeError for options that are not numbers, ValueError for negative ones.

    >>> p = mc.Parameter(np.array([1.0]))
    >>> optimizer = mc.optim.Adagrad([p], lr=0.5)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     p.sum().backward()
    ...     optimizer.step()
    ...     print(f"{p.item():.3f}")
    0.500
    0.146
    -0.142
    """

    state_names: ClassVar = {"sum": None}
    squares: ClassVar = ("sum",)
    ranges: ClassVar = Optimizer.ranges | dict.fromkeys(
        ("lr_decay", "initial_accumulator_value", "eps"), "a number of 0 or more"
    )

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps}
        super().__init__(params, **options, initial_accumulator_value=initial_accumulator_value)
        for group, flat in zip(self.param_groups, self._flat, strict=True):
            with on_device_of(flat.data):
                flat.state["sum"][...] = group["initial_accumulator_value"]

    @staticmethod
    @fused("adagrad")
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        g, s = grad + o.weight_decay * p if o.weight_decay else grad, state.sum
        s += g * g
        rate = o.lr / (1 + (step - 1) * o.lr_decay)
        p -= rate * g / (array_module(p).sqrt(s) + o.eps)

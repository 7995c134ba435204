"""How an optimizer's formula is applied: piece by piece on a CPU, by one fused kernel on a GPU.

The formulas themselves are in ``minicnn/optim``, each under its equation.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .arrays import Array, array_module


class State(SimpleNamespace):
    """The state arrays by name: ``state.exp_avg``; None for one that the options do not need."""

    def __setattr__(self, name: str, value: Any) -> None:
        if vars(self).get(name) is not value:  # state.exp_avg *= 0.9 has written into the array
            raise TypeError(
                f"update: state.{name} = ... would be forgotten; write into the array: "
                f"state.{name}[...] = ..."
            )


Options = SimpleNamespace
"""The options by name: ``o.lr``."""
Update = Callable[[Array, Array, int, State, Options], None]
"""Changes parameters and state in place: update(p, grad, step, state, options), all arrays flat."""

PIECE = 1 << 15
"""Elements updated at a time on a CPU: the parameter, its gradient and its state then stay in a
core's cache while the formula goes over them several times."""


def fused(kernel: str) -> Callable[[Update], Update]:
    """Mark a formula that has a twin of this name in ``cuda/updates.py``.

    On a GPU one kernel then takes the place of a launch for each operation of the formula.
    """

    def mark(update: Update) -> Update:
        update.fused_kernel = kernel  # type: ignore[attr-defined]
        return update

    return mark


def update_for(x: Array, update: Update) -> tuple[Update, int]:
    """What applies the formula to parameters where x is, and to how many elements at a time."""
    if array_module(x) is np:
        return update, PIECE
    from .cuda import updates  # only when it is needed: it loads compilers

    kernel: Any = getattr(updates, getattr(update, "fused_kernel", ""), None)
    return kernel or update, max(1, x.size)

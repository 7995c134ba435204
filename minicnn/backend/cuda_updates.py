"""The steps of the optimizers in CUDA C (``cuda/updates.cu``), as twins of the reference ones."""

from __future__ import annotations

import math
from typing import Any

from .arrays import Array
from .launch import launch

__all__ = ["UPDATED_AT_ONCE", "adadelta", "adagrad", "adam", "rmsprop", "sgd"]

UPDATED_AT_ONCE = 1 << 62
"""Elements updated at a time: all of them, by one kernel."""


def sgd(
    p: Array,
    g: Array,
    buffer: Array | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """One step of stochastic gradient descent."""
    numbers = _numbers(p, lr, momentum, weight_decay)
    _launch("sgd", p, g, _or(buffer, p), *numbers, int(nesterov), int(buffer is not None))


def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decay: float,
    step: int,
) -> None:
    """One step of Adam, number 1, 2, ...; weight_decay joins the gradient, decay shrinks p."""
    beta1, beta2 = betas
    step_size, root = lr / (1 - beta1**step), math.sqrt(1 - beta2**step)
    means = (beta1, 1 - beta1, beta2, 1 - beta2)
    _launch(
        "adam", p, g, m, v,
        *_numbers(p, step_size, *means, root, eps, weight_decay, 1 - lr * decay),
    )  # fmt: skip


def adagrad(p: Array, g: Array, total: Array, lr: float, eps: float, weight_decay: float) -> None:
    """One step of Adagrad."""
    _launch("adagrad", p, g, total, *_numbers(p, lr, eps, weight_decay))


def rmsprop(
    p: Array,
    g: Array,
    v: Array,
    m: Array | None,
    buffer: Array | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> None:
    """One step of RMSprop, centered with m, with momentum if there is a buffer."""
    numbers = _numbers(p, lr, alpha, 1 - alpha, eps, weight_decay, momentum)
    states = int(m is not None), int(buffer is not None)
    _launch("rmsprop", p, g, v, _or(m, p), _or(buffer, p), *numbers, *states)


def adadelta(
    p: Array,
    g: Array,
    v: Array,
    u: Array,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> None:
    """One step of Adadelta."""
    _launch("adadelta", p, g, v, u, *_numbers(p, lr, rho, 1 - rho, eps, weight_decay))


def _launch(kernel: str, p: Array, *arguments: Any) -> None:
    launch("updates.cu", kernel, (p.dtype,), p.size, p, *arguments, p.size)


def _or(state: Array | None, p: Array) -> Array:
    """The state, or where there is none an array that the kernel does not touch."""
    return p if state is None else state


def _numbers(p: Array, *numbers: float) -> list[Any]:
    """The numbers in the dtype of p."""
    return [p.dtype.type(number) for number in numbers]

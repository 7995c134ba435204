"""The steps of the optimizers as one kernel each, see ``updates.cu``.

Each has the parameters of the formula in ``minicnn/optim`` that is marked with its name.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays import Array
from .launch import launch


def sgd(
    p: Array,
    grad: Array,
    step: int,
    momentum_buffer: Array | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    buffer, has_buffer = _state(momentum_buffer, p)
    numbers = _numbers(p, lr, momentum, weight_decay)
    _launch("sgd", p, grad, buffer, *numbers, int(nesterov), has_buffer)


def adam(
    p: Array,
    grad: Array,
    step: int,
    exp_avg: Array,
    exp_avg_sq: Array,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    shrink: float = 1.0,
) -> None:
    beta1, beta2 = betas
    step_size, root = lr / (1 - beta1**step), math.sqrt(1 - beta2**step)
    means = (beta1, 1 - beta1, beta2, 1 - beta2)
    numbers = _numbers(p, step_size, *means, root, eps, weight_decay, shrink)
    _launch("adam", p, grad, exp_avg, exp_avg_sq, *numbers)


def adamw(
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
    adam(p, grad, step, exp_avg, exp_avg_sq, lr, betas, eps, 0.0, shrink=1 - lr * weight_decay)


def adagrad(
    p: Array,
    grad: Array,
    step: int,
    sum: Array,
    lr: float,
    lr_decay: float,
    weight_decay: float,
    initial_accumulator_value: float,
    eps: float,
) -> None:
    rate = lr / (1 + (step - 1) * lr_decay)
    _launch("adagrad", p, grad, sum, *_numbers(p, rate, eps, weight_decay))


def rmsprop(
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
    buffer, has_buffer = _state(momentum_buffer, p)
    mean, has_mean = _state(grad_avg, p)
    numbers = _numbers(p, lr, alpha, 1 - alpha, eps, weight_decay, momentum)
    _launch("rmsprop", p, grad, square_avg, mean, buffer, *numbers, has_mean, has_buffer)


def adadelta(
    p: Array,
    grad: Array,
    step: int,
    square_avg: Array,
    acc_delta: Array,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> None:
    numbers = _numbers(p, lr, rho, 1 - rho, eps, weight_decay)
    _launch("adadelta", p, grad, square_avg, acc_delta, *numbers)


def _launch(kernel: str, p: Array, *arguments: Any) -> None:
    launch("updates.cu", kernel, p.size, p, *arguments, p.size)


def _state(array: Array | None, p: Array) -> tuple[Array, int]:
    """The state and 1, or an array that the kernel does not touch and 0."""
    return (p, 0) if array is None else (array, 1)


def _numbers(p: Array, *numbers: float) -> list[Any]:
    """The numbers in the dtype of p."""
    return [p.dtype.type(number) for number in numbers]

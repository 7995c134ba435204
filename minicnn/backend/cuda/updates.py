"""The steps of the optimizers as one kernel each, see ``updates.cu``.

Each applies the formula in ``minicnn/optim`` that is marked with its name.
"""

from __future__ import annotations

import math

from ..arrays import Array
from ..updates import Options, State
from .launch import launch


def sgd(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
    b, numbers = state.momentum_buffer, (o.lr, o.momentum, o.weight_decay)
    _launch("sgd", p, grad, [b], numbers, o.nesterov, b is not None)


def adam(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
    _adam(p, grad, step, state, o, o.weight_decay, 1.0)


def adamw(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
    _adam(p, grad, step, state, o, 0.0, 1 - o.lr * o.weight_decay)


def _adam(
    p: Array, grad: Array, step: int, state: State, o: Options, decay: float, shrink: float
) -> None:
    beta1, beta2 = o.betas
    step_size, root = o.lr / (1 - beta1**step), math.sqrt(1 - beta2**step)
    numbers = (step_size, beta1, 1 - beta1, beta2, 1 - beta2, root, o.eps, decay, shrink)
    _launch("adam", p, grad, [state.exp_avg, state.exp_avg_sq], numbers)


def adagrad(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
    rate = o.lr / (1 + (step - 1) * o.lr_decay)
    _launch("adagrad", p, grad, [state.sum], (rate, o.eps, o.weight_decay))


def rmsprop(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
    numbers = (o.lr, o.alpha, 1 - o.alpha, o.eps, o.weight_decay, o.momentum)
    m, b = state.grad_avg, state.momentum_buffer
    _launch("rmsprop", p, grad, [state.square_avg, m, b], numbers, m is not None, b is not None)


def adadelta(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
    numbers = (o.lr, o.rho, 1 - o.rho, o.eps, o.weight_decay)
    _launch("adadelta", p, grad, [state.square_avg, state.acc_delta], numbers)


def _launch(
    kernel: str,
    p: Array,
    grad: Array,
    state: list[Array | None],
    numbers: tuple[float, ...],
    *flags: bool,
) -> None:
    """Start a kernel; for a state array that is None it gets p, which a flag tells it to ignore."""
    arrays = [p if array is None else array for array in state]
    in_dtype = [p.dtype.type(number) for number in numbers]
    launch("updates.cu", kernel, p.size, p, grad, *arrays, *in_dtype, *map(int, flags), p.size)

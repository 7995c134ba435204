"""The steps of the optimizers as plain loops; the formulas are those of ``minicnn/optim``.

All arrays are flat and of one length. The parameters p and the state are changed in place, the
gradients g are not. A state array is None where the options do without it.
"""

from __future__ import annotations

import math

from .arrays import Array

__all__ = ["adadelta", "adagrad", "adam", "rmsprop", "sgd"]


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
    for i in range(p.size):
        direction = g[i] + weight_decay * p[i]
        if buffer is not None:
            buffer[i] = momentum * buffer[i] + direction
            direction = direction + momentum * buffer[i] if nesterov else buffer[i]
        p[i] -= lr * direction


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
    for i in range(p.size):
        p[i] *= 1 - lr * decay
        direction = g[i] + weight_decay * p[i]
        m[i] = beta1 * m[i] + (1 - beta1) * direction
        v[i] = beta2 * v[i] + (1 - beta2) * direction**2
        mean, square = m[i] / (1 - beta1**step), v[i] / (1 - beta2**step)
        p[i] -= lr * mean / (math.sqrt(square) + eps)


def adagrad(p: Array, g: Array, total: Array, lr: float, eps: float, weight_decay: float) -> None:
    """One step of Adagrad."""
    for i in range(p.size):
        direction = g[i] + weight_decay * p[i]
        total[i] += direction**2
        p[i] -= lr * direction / (math.sqrt(total[i]) + eps)


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
    for i in range(p.size):
        direction = g[i] + weight_decay * p[i]
        v[i] = alpha * v[i] + (1 - alpha) * direction**2
        variance = v[i]
        if m is not None:
            m[i] = alpha * m[i] + (1 - alpha) * direction
            variance = max(v[i] - m[i] ** 2, 0)
        direction = direction / (math.sqrt(variance) + eps)
        if buffer is not None:
            direction = buffer[i] = momentum * buffer[i] + direction
        p[i] -= lr * direction


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
    for i in range(p.size):
        direction = g[i] + weight_decay * p[i]
        v[i] = rho * v[i] + (1 - rho) * direction**2
        delta = math.sqrt(u[i] + eps) / math.sqrt(v[i] + eps) * direction
        u[i] = rho * u[i] + (1 - rho) * delta**2
        p[i] -= lr * delta

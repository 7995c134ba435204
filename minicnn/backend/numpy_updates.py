"""The steps of the optimizers vectorised, as twins of ``reference_updates.py``."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array

__all__ = ["UPDATED_AT_ONCE", "adadelta", "adagrad", "adam", "rmsprop", "sgd"]

# Elements updated at a time: the parameter, its gradient and state then stay in a core's cache
# while the update goes over them several times.
UPDATED_AT_ONCE = 1 << 15


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
    direction = _with_decay(p, g, weight_decay)
    if buffer is not None:
        buffer *= momentum
        buffer += direction
        direction = direction + momentum * buffer if nesterov else buffer
    p -= lr * direction


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
    if decay:
        p *= 1 - lr * decay
    direction = _with_decay(p, g, weight_decay)
    m *= beta1
    m += (1 - beta1) * direction
    v *= beta2
    v += (1 - beta2) * (direction * direction)
    denominator = np.sqrt(v) / math.sqrt(1 - beta2**step) + eps
    p -= (lr / (1 - beta1**step)) * m / denominator


def adagrad(p: Array, g: Array, total: Array, lr: float, eps: float, weight_decay: float) -> None:
    """One step of Adagrad."""
    direction = _with_decay(p, g, weight_decay)
    total += direction * direction
    p -= lr * direction / (np.sqrt(total) + eps)


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
    direction = _with_decay(p, g, weight_decay)
    v *= alpha
    v += (1 - alpha) * (direction * direction)
    variance = v
    if m is not None:
        m *= alpha
        m += (1 - alpha) * direction
        variance = np.maximum(v - m * m, 0)  # rounding makes it negative where g never changes
    direction = direction / (np.sqrt(variance) + eps)
    if buffer is not None:
        buffer *= momentum
        buffer += direction
        direction = buffer
    p -= lr * direction


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
    direction = _with_decay(p, g, weight_decay)
    v *= rho
    v += (1 - rho) * (direction * direction)
    delta = np.sqrt(u + eps) / np.sqrt(v + eps) * direction
    u *= rho
    u += (1 - rho) * (delta * delta)
    p -= lr * delta


def _with_decay(p: Array, g: Array, weight_decay: float) -> Array:
    return g + weight_decay * p if weight_decay else g

"""The dense layer as three plain loops, and its two gradients."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    y = np.zeros((len(weight), x.shape[1]), x.dtype)
    for o, n in np.ndindex(*y.shape):
        for i in range(len(x)):
            y[o, n] += weight[o, i] * x[i, n]
        if bias is not None:
            y[o, n] += bias[o]
    return y


def linear_input_gradient(grad: Array, weight: Array) -> Array:
    x = np.zeros((weight.shape[1], grad.shape[1]), grad.dtype)
    for o, n in np.ndindex(*grad.shape):
        for i in range(len(x)):
            x[i, n] += weight[o, i] * grad[o, n]
    return x


def linear_weight_gradient(x: Array, grad: Array) -> Array:
    weight = np.zeros((len(grad), len(x)), x.dtype)
    for o, i in np.ndindex(*weight.shape):
        for n in range(x.shape[1]):
            weight[o, i] += grad[o, n] * x[i, n]
    return weight

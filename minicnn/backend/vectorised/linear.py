"""The dense layer with NumPy: matrix products."""

from __future__ import annotations

from ..arrays import Array


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    y = weight @ x  # (outputs, N)
    if bias is not None:
        y += bias[:, None]
    return y


def linear_input_gradient(grad: Array, weight: Array) -> Array:
    return weight.T @ grad  # (inputs, N)


def linear_weight_gradient(x: Array, grad: Array) -> Array:
    return grad @ x.T  # (outputs, inputs)

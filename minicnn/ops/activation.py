"""Activations: what makes a network more than one linear map."""

from __future__ import annotations

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module
from .check import check_float
from .convert import as_float
from .mask import mask
from .reduce import sum

__all__ = ["log_softmax", "relu", "sigmoid", "softmax", "tanh"]


class ReLU(Function):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).maximum(x, 0)

    def backward(self, grad: Tensor) -> Tensor:
        return mask(grad, self._output_data > 0)


def relu(x: Tensor) -> Tensor:
    """``max(x, 0)``; its gradient is 1 where x > 0, else 0 (Nair and Hinton, 2010)."""
    return ReLU.apply(x)


class Sigmoid(Function):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        xp = array_module(x)
        z = xp.exp(-xp.abs(x))  # at most 1, so that nothing overflows
        return xp.where(x >= 0, x.dtype.type(1), z) / (1 + z)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * (y * (1 - y))


def sigmoid(x: Tensor) -> Tensor:
    """``1 / (1 + e ** -x)``; its gradient is y·(1 - y), at most 1/4."""
    return Sigmoid.apply(as_float("sigmoid", x))


class Tanh(Function):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).tanh(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * (1 - y * y)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; its gradient is 1 - y²."""
    return Tanh.apply(as_float("tanh", x))


class Softmax(Function):
    keeps = "output"

    def forward(self, x: Array, *, axis: int) -> Array:
        self.axis = axis
        y = array_module(x).exp(x - x.max(axis, keepdims=True))  # at most 1: no overflow
        y /= y.sum(axis, keepdims=True)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return y * (grad - sum(grad * y, self.axis, keepdim=True))


def softmax(x: Tensor, axis: int = 1) -> Tensor:
    """``e ** x_i / sum_j e ** x_j`` along an axis: positive numbers that sum to 1.

    Raises ValueError for an axis that x does not have.
    """
    return Softmax.apply(x, axis=_check_axis(x, axis, "softmax"))


class LogSoftmax(Function):
    keeps = "output"

    def forward(self, x: Array, *, axis: int) -> Array:
        self.axis = axis
        xp = array_module(x)
        shifted = x - x.max(axis, keepdims=True)
        return shifted - xp.log(xp.exp(shifted).sum(axis, keepdims=True))

    def backward(self, grad: Tensor) -> Tensor:
        return grad - self.output.exp() * sum(grad, self.axis, keepdim=True)


def log_softmax(x: Tensor, axis: int = 1) -> Tensor:
    """``x_i - log sum_j e ** x_j`` along an axis: log(softmax) without its underflow.

    Raises ValueError for an axis that x does not have.
    """
    return LogSoftmax.apply(x, axis=_check_axis(x, axis, "log_softmax"))


def _check_axis(x: Tensor, axis: int, op: str) -> int:
    check_float(op, x)
    if not isinstance(axis, int | np.integer) or not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{op}: axis {axis!r} is not among the {x.ndim} axes of shape {x.shape}")
    if x.shape[axis] == 0:
        raise ValueError(f"{op}: axis {axis} of shape {x.shape} has no elements")
    return int(axis)

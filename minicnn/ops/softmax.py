"""Softmax and its logarithm: numbers of any size to probabilities along an axis."""

from __future__ import annotations

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from .check import check_float
from .reduce import sum


class Softmax(Function):
    keeps = "output"

    def forward(self, x: Array, *, axis: int) -> Array:
        self.axis = axis
        return kernels_for(x).softmax(x, axis)

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
        return kernels_for(x).log_softmax(x, axis)

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
    return int(axis) % x.ndim

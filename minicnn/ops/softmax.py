"""Softmax and its logarithm: numbers of any size to probabilities along an axis."""

from __future__ import annotations

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from .check import check_axis, check_float
from .convert import in_float32
from .reduce import sum


class Softmax(Function):
    keeps = "output"

    def forward(self, x: Array, *, axis: int) -> Array:
        return kernels_for(x).softmax(x, axis)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return y * (grad - sum(grad * y, self.options["axis"], keepdim=True))


@in_float32
def softmax(x: Tensor, axis: int = 1) -> Tensor:
    """``e ** x_i / sum_j e ** x_j`` along an axis: positive numbers that sum to 1.

    Raises ValueError for an axis that x does not have or that has no elements.

    >>> mc.ops.softmax(mc.tensor([[0.0, 0.0], [1000.0, 0.0]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return Softmax.apply(x, axis=_check_scores("softmax", x, axis))


class LogSoftmax(Function):
    keeps = "output"

    def forward(self, x: Array, *, axis: int) -> Array:
        return kernels_for(x).log_softmax(x, axis)

    def backward(self, grad: Tensor) -> Tensor:
        return grad - self.output.exp() * sum(grad, self.options["axis"], keepdim=True)


@in_float32
def log_softmax(x: Tensor, axis: int = 1) -> Tensor:
    """``x_i - log sum_j e ** x_j`` along an axis: log(softmax) without its underflow.

    Raises ValueError for an axis that x does not have or that has no elements.

    >>> mc.ops.log_softmax(mc.tensor([[1000.0, 0.0]]))
    tensor([[    0., -1000.]])
    """
    return LogSoftmax.apply(x, axis=_check_scores("log_softmax", x, axis))


def _check_scores(op: str, x: Tensor, axis: int) -> int:
    check_float(op, x=x)
    axis = check_axis(op, x, axis)
    if x.shape[axis] == 0:
        raise ValueError(f"{op}: axis {axis} of shape {x.shape} has no elements")
    return axis

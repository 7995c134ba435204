"""The dense layer y = x Wᵀ + b, and the two ops that are its gradients.

As with convolution the three maps are linear in each argument, and the gradient of each is made of
the others. All compute the transpose of their result, so that the result is batch-last too:

    Linear        x, w -> y    yᵀ = w · xᵀ      (outputs, N)
    LinearInput   g, w -> x    xᵀ = wᵀ · gᵀ     (inputs, N), the gradient of y to x
    LinearWeight  x, g -> w    w = gᵀ · x       (outputs, inputs), the gradient of y to w
"""

from __future__ import annotations

import math

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from .check import check_float, check_shape
from .convert import in_float32
from .reduce import sum


class Linear(Function):
    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        return kernels_for(x).linear(x.T, weight, bias).T  # (N, outputs)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *bias = self.inputs
        return (
            LinearInput.apply(grad, weight) if self.needs_grad[0] else None,
            LinearWeight.apply(x, grad) if self.needs_grad[1] else None,
            *(sum(grad, 0) if self.needs_grad[2] else None for _ in bias),
        )


class LinearInput(Function):
    def forward(self, grad: Array, weight: Array) -> Array:
        return kernels_for(grad).linear_input_gradient(grad.T, weight).T  # (N, inputs)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        g, weight = self.inputs
        return (
            Linear.apply(grad, weight) if self.needs_grad[0] else None,
            LinearWeight.apply(grad, g) if self.needs_grad[1] else None,
        )


class LinearWeight(Function):
    def forward(self, x: Array, grad: Array) -> Array:
        return kernels_for(x).linear_weight_gradient(x.T, grad.T)  # (outputs, inputs)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, g = self.inputs
        return (
            LinearInput.apply(g, grad) if self.needs_grad[0] else None,
            Linear.apply(x, grad) if self.needs_grad[1] else None,
        )


_linear = in_float32(Linear.apply)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The dense layer y = x Wᵀ + b.

    x (..., inputs), weight (outputs, inputs), bias (outputs,) -> (..., outputs)
    Raises ValueError when the lengths differ, TypeError when the dtypes do.

    >>> weight, bias = mc.tensor([[1.0, 2.0], [0.0, -1.0]]), mc.tensor([0.5, 0.0])
    >>> mc.ops.linear(mc.tensor([[3.0, 1.0]]), weight, bias)
    tensor([[ 5.5, -1. ]])
    """
    check_float("linear", x=x, weight=weight, bias=bias)
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: x has shape {x.shape} and weight {weight.shape}, "
            "expected (..., inputs) and (outputs, inputs)"
        )
    outputs = weight.shape[0]
    check_shape("linear", (outputs,), bias=bias)
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    y = _linear(rows, weight) if bias is None else _linear(rows, weight, bias)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], outputs)

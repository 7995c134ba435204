"""The dense layer: y = x Wᵀ + b."""

from __future__ import annotations

import math

from ..autograd import Function, Tensor
from ..backend import Array
from .check import check_bias, check_float
from .reduce import sum

__all__ = ["linear"]


class Linear(Function):
    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        y = weight @ x.T  # (outputs, N): batch-last like its input, nothing is transposed
        if bias is not None:
            y += bias[:, None]
        return y.T  # (N, outputs)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *bias = self.inputs
        return (
            (weight.T @ grad.T).T if self.needs_grad[0] else None,  # (N, inputs)
            grad.T @ x if self.needs_grad[1] else None,  # (outputs, inputs)
            *(sum(grad, 0) if self.needs_grad[2] else None for _ in bias),
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The dense layer y = x Wᵀ + b.

    x (..., inputs), weight (outputs, inputs), bias (outputs,) -> (..., outputs)
    Raises ValueError when the lengths differ, TypeError when the dtypes do.
    """
    check_float("linear", x, weight=weight, bias=bias)
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: x has shape {x.shape} and weight {weight.shape}, "
            "expected (..., inputs) and (outputs, inputs)"
        )
    outputs = weight.shape[0]
    check_bias("linear", bias, outputs)
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    y = Linear.apply(rows, weight) if bias is None else Linear.apply(rows, weight, bias)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], outputs)

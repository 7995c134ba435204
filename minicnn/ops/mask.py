"""Keeping some elements and setting the others to 0: the gradient of everything that selects."""

from __future__ import annotations

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for

__all__ = ["mask"]


class Mask(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, kept: Array) -> Array:
        self.kept = kept
        return kernels_for(x).mask(x, kept)

    def backward(self, grad: Tensor) -> Tensor:
        return mask(grad, self.kept)


def mask(x: Tensor, kept: Array) -> Tensor:
    """x where the array of booleans holds, 0 elsewhere, also for infinite x; shapes are equal."""
    return Mask.apply(x, kept=kept)

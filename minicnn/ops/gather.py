"""Entries taken by their class index, and put back: what losses pick from their scores."""

from __future__ import annotations

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for, to_device


class GatherClass(Function):
    """One score of each row, that of its class."""

    keeps = "nothing"

    def forward(self, scores: Array, *, classes: Array) -> Array:
        self.classes = classes
        return kernels_for(scores).gather_class(scores, classes)  # (N, ...)

    def backward(self, grad: Tensor) -> Tensor:
        return ScatterClass.apply(grad, classes=self.classes, num_classes=self.shapes[0][1])


class ScatterClass(Function):
    """Zeros, with each value at its class: the adjoint of GatherClass."""

    keeps = "nothing"

    def forward(self, values: Array, *, classes: Array, num_classes: int) -> Array:
        self.classes = classes
        return kernels_for(values).scatter_class(values, classes, num_classes)  # (N, C, ...)

    def backward(self, grad: Tensor) -> Tensor:
        return GatherClass.apply(grad, classes=self.classes)


def gather_class(scores: Tensor, classes: Array) -> Tensor:
    """The entry of each class index: scores (N, C, ...), classes (N, ...) -> (N, ...).

    Picked, not multiplied by a one-hot: a logit of -inf (a class ruled out) must not give 0 · inf.
    """
    return GatherClass.apply(scores, classes=to_device(classes, scores.device))

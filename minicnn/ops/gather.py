"""Gather the entries of given class indices, and scatter them back: what losses do with scores."""

from __future__ import annotations

from ..autograd import Tensor
from ..backend import Array, kernels_for
from ..backend.uploads import upload
from .linear_map import LinearMap


class GatherClass(LinearMap):
    """The score of each row's class."""

    def forward(self, scores: Array, *, classes: Array) -> Array:
        return kernels_for(scores).gather_class(scores, classes)  # (N, ...)


class ScatterClass(LinearMap, adjoint_of=GatherClass):
    """Zeros, with each value at its class."""

    takes_shape = True

    def forward(self, values: Array, *, classes: Array, shape: tuple[int, ...]) -> Array:
        return kernels_for(values).scatter_class(values, classes, shape[1])  # (N, C, ...)


def gather_class(scores: Tensor, classes: Array) -> Tensor:
    """The entry of each class index: scores (N, C, ...), classes (N, ...) -> (N, ...).

    Indexed, not multiplied by a one-hot: a logit of -inf (a class ruled out) must not give 0 · inf.
    """
    return GatherClass.apply(scores, classes=upload(classes, scores.device))

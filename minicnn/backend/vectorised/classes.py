"""Scores and classes with NumPy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..arrays import Array
from ..layout import batch_last


def softmax(x: Array, axis: int) -> Array:
    y = np.exp(x - x.max(axis, keepdims=True))  # at most 1: no overflow
    y /= y.sum(axis, keepdims=True)
    return y


def log_softmax(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def cross_entropy(scores: Array, classes: Array) -> Array:
    shifted = scores - scores.max(1, keepdims=True)
    losses: Array = np.log(np.exp(shifted).sum(1)) - shifted[_at(classes)]
    return losses


def cross_entropy_grad(grad: Array, scores: Array, classes: Array) -> Array:
    y = softmax(scores, 1)
    y[_at(classes)] -= 1
    y *= grad[:, None]
    return y


def is_largest(scores: Array, classes: Array) -> Array:
    y: Array = scores.argmax(1) == classes
    return y


def gather_class(scores: Array, classes: Array) -> Array:
    return scores[_at(classes)]


def scatter_class(values: Array, classes: Array, num_classes: int) -> Array:
    n, *rest = values.shape
    zeros = np.zeros(num_classes * values.size, values.dtype)
    scores = batch_last(zeros, (n, num_classes, *rest))
    scores[_at(classes)] = values
    return scores


def _at(classes: Array) -> tuple[Array, ...]:
    """The index of the score of each class."""
    rows, *rest = _places(classes.shape)
    return rows, classes, *rest


@lru_cache(maxsize=64)
def _places(shape: tuple[int, ...]) -> tuple[Array, ...]:
    """The index along each axis, shaped so that they broadcast together."""
    return tuple(np.ogrid[tuple(slice(n) for n in shape)])

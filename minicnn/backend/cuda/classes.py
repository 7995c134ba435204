"""Scores and classes in CUDA C, see ``classes.cu``."""

from __future__ import annotations

import math

from ..arrays import Array, array_module
from .arguments import contiguous, integers, new
from .launch import launch


def softmax(x: Array, axis: int) -> Array:
    return _along("softmax", x, axis)


def log_softmax(x: Array, axis: int) -> Array:
    return _along("log_softmax", x, axis)


def _along(kernel: str, x: Array, axis: int) -> Array:
    order = (*range(1, x.ndim), 0)  # batch-last
    x, place = contiguous(x.transpose(order)), order.index(axis % x.ndim)
    sizes = (math.prod(x.shape[:place]), x.shape[place], math.prod(x.shape[place + 1 :]))
    y = new(x, x.shape)
    launch("classes.cu", kernel, sizes[0] * sizes[2], x, y, *sizes)
    return array_module(y).moveaxis(y, -1, 0)


def cross_entropy(scores: Array, classes: Array) -> Array:
    y = new(scores, (*classes.shape[1:], classes.shape[0]))
    arrays = (_batch_last(scores), integers(_batch_last(classes)), y)
    launch("classes.cu", "cross_entropy", y.size, *arrays, scores.shape[1], y.size)
    return array_module(y).moveaxis(y, -1, 0)


def cross_entropy_grad(grad: Array, scores: Array, classes: Array) -> Array:
    n, num_classes, *rest = scores.shape
    result = new(scores, (num_classes, *rest, n))
    is_one_number = grad.size > 0 and not any(grad.strides)  # the gradient of a mean: not copied
    grad = grad[(slice(1),) * grad.ndim] if is_one_number else _batch_last(grad)
    arrays = (_batch_last(scores), grad, integers(_batch_last(classes)), result)
    sizes = (num_classes, classes.size, int(not is_one_number))
    launch("classes.cu", "cross_entropy_grad", classes.size, *arrays, *sizes)
    return array_module(result).moveaxis(result, -1, 0)


def is_largest(scores: Array, classes: Array) -> Array:
    n, *rest = classes.shape
    y = array_module(scores).empty((*rest, n), bool)
    arrays = (_batch_last(scores), integers(_batch_last(classes)), y)
    launch("classes.cu", "is_largest", y.size, *arrays, scores.shape[1], y.size)
    return array_module(y).moveaxis(y, -1, 0)


def gather_class(scores: Array, classes: Array) -> Array:
    y = new(scores, (*classes.shape[1:], classes.shape[0]))
    arrays = (_batch_last(scores), integers(_batch_last(classes)), y)
    launch("classes.cu", "gather_class", y.size, *arrays, y.size)
    return array_module(y).moveaxis(y, -1, 0)


def scatter_class(values: Array, classes: Array, num_classes: int) -> Array:
    n, *rest = values.shape
    scores = new(values, (num_classes, *rest, n))
    arrays = (_batch_last(values), integers(_batch_last(classes)), scores)
    sizes = (num_classes, values.size)
    launch("classes.cu", "scatter_class", scores.size, *arrays, *sizes)
    return array_module(scores).moveaxis(scores, -1, 0)


def _batch_last(x: Array) -> Array:
    """The array (N, ...) as a contiguous (..., N)."""
    return contiguous(array_module(x).moveaxis(x, 0, -1))

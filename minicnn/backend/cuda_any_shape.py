"""The kernels for arrays of any shape in CUDA C, as twins of ``reference_any_shape.py``."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array, array_module
from .cuda_memory import contiguous, in_order_of, integers, new, new_like, without_gaps
from .launch import launch

__all__ = [
    "erf",
    "gate",
    "log_softmax",
    "mask",
    "pick",
    "put_back",
    "softmax",
    "uniform",
]


def erf(x: Array) -> Array:
    """The error function of any shape."""
    x = without_gaps(x)
    y = new_like(x)
    launch("elementwise.cu", "erf_of", (x.dtype,), x.size, x, y, x.size)
    return y


def mask(x: Array, kept: Array) -> Array:
    """x where kept, 0 elsewhere, of any shape."""
    is_broadcast = any(n > 1 and s == 0 for n, s in zip(x.shape, x.strides, strict=True))
    y = array_module(x).empty_like(kept if is_broadcast else x, dtype=x.dtype)
    x, kept = in_order_of(y, x), in_order_of(y, kept)
    launch("elementwise.cu", "mask", (x.dtype,), x.size, x, kept, y, x.size)
    return y


def softmax(x: Array, axis: int) -> Array:
    """e ** x_i / sum_j e ** x_j along an axis."""
    return _along("softmax", x, axis)


def log_softmax(x: Array, axis: int) -> Array:
    """x_i - log sum_j e ** x_j along an axis."""
    return _along("log_softmax", x, axis)


def _along(kernel: str, x: Array, axis: int) -> Array:
    order = (*range(1, x.ndim), 0)  # batch-last
    x, place = contiguous(x.transpose(order)), order.index(axis % x.ndim)
    sizes = (math.prod(x.shape[:place]), x.shape[place], math.prod(x.shape[place + 1 :]))
    y = new(x, x.shape)
    launch("softmax.cu", kernel, (x.dtype,), sizes[0] * sizes[2], x, y, *sizes)
    return array_module(y).moveaxis(y, -1, 0)


def pick(scores: Array, classes: Array) -> Array:
    """The score of each class: (N, C, ...), (N, ...) -> (N, ...)."""
    y = new(scores, (*classes.shape[1:], classes.shape[0]))
    arrays = (_batch_last(scores), integers(_batch_last(classes)), y)
    launch("softmax.cu", "pick", (y.dtype,), y.size, *arrays, y.size)
    return array_module(y).moveaxis(y, -1, 0)


def put_back(values: Array, classes: Array, num_classes: int) -> Array:
    """Zeros, with each value at its class: (N, ...), (N, ...) -> (N, C, ...)."""
    n, *rest = values.shape
    scores = new(values, (num_classes, *rest, n))
    arrays = (_batch_last(values), integers(_batch_last(classes)), scores)
    sizes = (num_classes, values.size)
    launch("softmax.cu", "put_back", (scores.dtype,), scores.size, *arrays, *sizes)
    return array_module(scores).moveaxis(scores, -1, 0)


def uniform(like: Array, count: int, key: int) -> Array:
    """Random float32 numbers in [0, 1) from Philox4x64-10 with a key of 64 bits: (count,)."""
    y = array_module(like).empty(count, np.float32)
    launch("random.cu", "uniform", (y.dtype,), -(-count // 8), y, np.uint64(key), count)
    return y


def gate(x: Array, y: Array) -> Array:
    """x where y > 0, 0 elsewhere; both of one shape."""
    x = without_gaps(x)
    result, y = new_like(x), in_order_of(x, y)
    launch("elementwise.cu", "gate", (x.dtype,), x.size, x, y, result, x.size)
    return result


def _batch_last(x: Array) -> Array:
    """The array (N, ...) as a contiguous (..., N)."""
    return contiguous(array_module(x).moveaxis(x, 0, -1))

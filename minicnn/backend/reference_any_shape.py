"""The kernels for arrays of any shape as plain loops, a part of ``reference_kernels.py``."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array

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
    """The error function 2/sqrt(pi) · (integral of e ** -t² from 0 to x), of any shape."""
    y = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = math.erf(x[index])
    return y


def mask(x: Array, kept: Array) -> Array:
    """x where kept, 0 elsewhere, of any shape. Not x * kept: 0 · inf is NaN, and 0 is wanted."""
    y = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        if kept[index]:
            y[index] = x[index]
    return y


def gate(x: Array, y: Array) -> Array:
    """x where y > 0, 0 elsewhere: the gradient of ReLU, whose result is y; both of one shape."""
    result = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        if y[index] > 0:
            result[index] = x[index]
    return result


def softmax(x: Array, axis: int) -> Array:
    """e ** x_i / sum_j e ** x_j along an axis; the largest x_j is subtracted: nothing overflows."""
    y = np.empty_like(x)
    rows, results = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    for index in np.ndindex(*rows.shape[:-1]):
        powers = [np.exp(value - max(rows[index])) for value in rows[index]]
        results[index] = [power / sum(powers) for power in powers]
    return y


def log_softmax(x: Array, axis: int) -> Array:
    """x_i - log sum_j e ** x_j along an axis: log(softmax) without its underflow."""
    y = np.empty_like(x)
    rows, results = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    for index in np.ndindex(*rows.shape[:-1]):
        shifted = [value - max(rows[index]) for value in rows[index]]
        log_sum = np.log(sum(np.exp(value) for value in shifted))
        results[index] = [value - log_sum for value in shifted]
    return y


def pick(scores: Array, classes: Array) -> Array:
    """The score of each class: scores (N, C, ...), classes (N, ...) -> (N, ...)."""
    y = np.empty(classes.shape, scores.dtype)
    for index in np.ndindex(*classes.shape):
        y[index] = np.moveaxis(scores, 1, -1)[index][classes[index]]
    return y


def put_back(values: Array, classes: Array, num_classes: int) -> Array:
    """Zeros, with each value at its class: the adjoint of pick."""
    scores = np.zeros((values.shape[0], num_classes, *values.shape[1:]), values.dtype)
    for index in np.ndindex(*classes.shape):
        np.moveaxis(scores, 1, -1)[index][classes[index]] = values[index]
    return scores


def uniform(like: Array, count: int, key: int) -> Array:
    """Random float32 numbers in [0, 1) from Philox4x64-10 with a key of 64 bits: (count,).

    Number i depends on the key and on i alone, so that threads can compute them in any order. Each
    counter 1, 2, 3, ... becomes four words of 64 bits, and each half of a word a number. ``like``
    is any array on the device where they are wanted. Source: Salmon et al., 2011.
    """
    numbers = []
    for counter in range(1, -(-count // 8) + 1):
        for word in _philox([counter, 0, 0, 0], [key, 0]):
            numbers += [word % 2**32 >> 8, word >> 40]  # 24 bits, as many as a float32 holds
    return (np.array(numbers[:count]) / 2**24).astype(np.float32)


def _philox(counter: list[int], key: list[int]) -> list[int]:
    """Ten rounds: the counter is multiplied and mixed with the key, which grows each time."""
    for _ in range(10):
        high_a, low_a = divmod(0xD2E7470EE14C6C93 * counter[0], 2**64)
        high_b, low_b = divmod(0xCA5A826395121157 * counter[2], 2**64)
        counter = [high_b ^ counter[1] ^ key[0], low_b, high_a ^ counter[3] ^ key[1], low_a]
        key = [(key[0] + 0x9E3779B97F4A7C15) % 2**64, (key[1] + 0xBB67AE8584CAA73B) % 2**64]
    return counter

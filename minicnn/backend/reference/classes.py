"""Scores and classes as plain loops."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def softmax(x: Array, axis: int) -> Array:
    y = np.empty_like(x)
    rows, results = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    for index in np.ndindex(*rows.shape[:-1]):
        powers = [np.exp(value - max(rows[index])) for value in rows[index]]
        results[index] = [power / sum(powers) for power in powers]
    return y


def log_softmax(x: Array, axis: int) -> Array:
    y = np.empty_like(x)
    rows, results = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    for index in np.ndindex(*rows.shape[:-1]):
        shifted = [value - max(rows[index]) for value in rows[index]]
        log_sum = np.log(sum(np.exp(value) for value in shifted))
        results[index] = [value - log_sum for value in shifted]
    return y


def cross_entropy(scores: Array, classes: Array) -> Array:
    return -gather_class(log_softmax(scores, 1), classes)


def cross_entropy_grad(grad: Array, scores: Array, classes: Array) -> Array:
    result = np.empty_like(scores)
    shares, gradients = np.moveaxis(softmax(scores, 1), 1, -1), np.moveaxis(result, 1, -1)
    for index in np.ndindex(*classes.shape):
        for c, share in enumerate(shares[index]):
            gradients[index][c] = grad[index] * (share - (c == classes[index]))
    return result


def is_largest(scores: Array, classes: Array) -> Array:
    y = np.empty(classes.shape, bool)
    for index in np.ndindex(*classes.shape):
        row = np.moveaxis(scores, 1, -1)[index].tolist()
        largest = 0
        for c, score in enumerate(row):
            if row[largest] == row[largest] and (score > row[largest] or score != score):
                largest = c
        y[index] = largest == classes[index]
    return y


def gather_class(scores: Array, classes: Array) -> Array:
    y = np.empty(classes.shape, scores.dtype)
    for index in np.ndindex(*classes.shape):
        y[index] = np.moveaxis(scores, 1, -1)[index][classes[index]]
    return y


def scatter_class(values: Array, classes: Array, num_classes: int) -> Array:
    scores = np.zeros((values.shape[0], num_classes, *values.shape[1:]), values.dtype)
    for index in np.ndindex(*classes.shape):
        np.moveaxis(scores, 1, -1)[index][classes[index]] = values[index]
    return scores

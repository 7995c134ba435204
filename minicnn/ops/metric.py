"""Metrics: how often is a classifier right?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module, to_device
from .check import check_tensor
from .loss_inputs import as_named_tensor, check_classes


def accuracy(logits: Tensor, target: Any) -> Tensor:
    """The fraction of rows whose largest logit is at the target: one number, float32.

    logits (N, C), target (N,) class indices. Among equal logits the first counts as the largest.
    Raises ValueError for shapes that do not fit.
    """
    scores, classes = _rows("accuracy", logits, target)
    return _fraction(scores.argmax(1) == classes)


def topk_accuracy(logits: Tensor, target: Any, k: int) -> Tensor:
    """The fraction of rows whose target is among the k largest logits: one number, float32.

    logits (N, C), target (N,) class indices. Equal logits rank in the order of their classes, so
    that k = 1 is ``accuracy``, but for NaN: it ranks before every number and is never right here.
    Raises TypeError unless the target holds integers, ValueError for shapes that do not fit,
    classes out of range or k outside 1 to C.
    """
    op = "topk_accuracy"
    scores, classes = _rows(op, logits, target)
    n, c = scores.shape
    check_classes(op, classes, c)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= c:
        raise ValueError(f"{op}: k is {k!r}, expected an integer from 1 to the {c} classes")
    xp = array_module(scores)
    of_target = scores[xp.arange(n), classes][:, None]  # (N, 1)
    is_earlier = xp.arange(c) < classes[:, None]  # (N, C)
    ahead = xp.where(is_earlier, ~(scores < of_target), ~(scores <= of_target))  # (N, C)
    return _fraction(ahead.sum(1) < k)


def _rows(op: str, logits: Tensor, target: Any) -> tuple[Array, Array]:
    """The arrays of logits (N, C) and class indices (N,), their shapes checked."""
    check_tensor(op, logits=logits)
    classes = as_named_tensor(op, target=target).data
    if logits.ndim != 2 or classes.shape != logits.shape[:1] or logits.size == 0:
        raise ValueError(
            f"{op}: logits have shape {logits.shape} and target {classes.shape}, "
            "expected (N, C) and (N,), not empty"
        )
    return logits.data, to_device(classes, logits.device)


def _fraction(right: Array) -> Tensor:
    return Tensor(array_module(right).asarray(right.mean(dtype=np.float32)))

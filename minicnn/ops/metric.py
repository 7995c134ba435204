"""Metrics: how often is a classifier right?"""

from __future__ import annotations

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module, to_device
from ..checks import check_integer
from .check import check_tensor
from .convert import TensorLike
from .loss_inputs import as_named_tensor, check_classes


def accuracy(logits: Tensor, target: TensorLike) -> Tensor:
    """The fraction of rows whose largest logit is at the target: one number, float32.

    logits (N, C), target (N,) class indices. Among equal logits the first counts as the largest.
    Raises ValueError for shapes that do not fit.

    >>> logits = mc.tensor([[0.1, 0.9], [0.8, 0.2]])
    >>> mc.ops.accuracy(logits, [1, 1])
    tensor(0.5)
    """
    scores, classes = _scores_and_classes("accuracy", logits, target)
    return _fraction(scores.argmax(1) == classes)


def topk_accuracy(logits: Tensor, target: TensorLike, k: int) -> Tensor:
    """The fraction of rows whose target is among the k largest logits: one number, float32.

    logits (N, C), target (N,) class indices. Equal logits rank in the order of their classes, so
    that k = 1 is ``accuracy``, except for NaN: it ranks before every number and is never right.
    Raises TypeError unless the target holds integers, ValueError for shapes that do not fit,
    classes out of range or k outside 1 to C.

    >>> logits = mc.tensor([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
    >>> mc.ops.topk_accuracy(logits, [2, 2], k=2)
    tensor(0.5)
    """
    op = "topk_accuracy"
    scores, classes = _scores_and_classes(op, logits, target)
    n, c = scores.shape
    check_classes(op, classes, c)
    k = check_integer(f"{op}: k", k, 1, c)
    xp = array_module(scores)
    of_target = scores[xp.arange(n), classes][:, None]  # (N, 1)
    is_earlier = xp.arange(c) < classes[:, None]  # (N, C)
    ahead = xp.where(is_earlier, ~(scores < of_target), ~(scores <= of_target))  # (N, C)
    return _fraction(ahead.sum(1) < k)


def _scores_and_classes(op: str, logits: Tensor, target: TensorLike) -> tuple[Array, Array]:
    """The arrays of logits (N, C) and class indices (N,), their shapes checked."""
    check_tensor(op, logits=logits)
    classes = as_named_tensor(op, target=target).data
    if logits.ndim != 2 or classes.shape != logits.shape[:1] or logits.size == 0:
        raise ValueError(
            f"{op}: logits have shape {logits.shape} and target {classes.shape}, "
            "expected (N, C) and (N,), not empty"
        )
    return logits.data, to_device(classes, logits.device)


def _fraction(is_right: Array) -> Tensor:
    return Tensor(array_module(is_right).asarray(is_right.mean(dtype=np.float32)))

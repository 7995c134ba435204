"""Metrics: how often is a classifier right?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.on_device import on_device
from ..backend import Array, array_module, device_of, kernels_for, to_device
from ..backend.capture import answer, is_known
from ..backend.uploads import upload
from ..checks import check_integer
from .check import check_tensor
from .convert import TensorLike
from .loss_inputs import AllCount, as_named_tensor, check_classes, class_indices


@on_device
def accuracy(logits: Tensor, target: TensorLike, ignore_index: int = -100) -> Tensor:
    """The fraction of targets that are where the logits are largest: one number, float32.

    logits (N, C) or (N, C, d1, ...); target: class indices (N, d1, ...), of which those equal to
    ignore_index do not count, or one-hot rows or probabilities in the shape of the logits, of which
    the largest is the true class. Among equal numbers the first counts as the largest. Without a
    target that counts the result is NaN, as the mean of ``cross_entropy`` is.

    Raises TypeError for class indices that are not integers, ValueError for shapes that do not fit,
    fewer than two classes, classes out of range, and rows that are not probabilities (the last two
    not for a target on a GPU: the check would wait for it).

    >>> logits = mc.tensor([[0.1, 0.9], [0.8, 0.2]])
    >>> mc.ops.accuracy(logits, [1, 1])
    tensor(0.5)
    >>> mc.ops.accuracy(logits, [1, -100])
    tensor(1.)
    """
    op = "accuracy"
    scores, classes, counts = _scores_and_classes(op, logits, target, ignore_index)
    classes = upload(classes, logits.device)
    if scores.dtype.char in "fd":
        is_right = kernels_for(scores).is_largest(scores, classes)
    else:
        is_right = scores.argmax(1) == classes
    return _fraction(is_right, counts)


@on_device
def topk_accuracy(logits: Tensor, target: TensorLike, k: int, ignore_index: int = -100) -> Tensor:
    """The fraction of targets that are among the k largest logits: one number, float32.

    logits, target and ignore_index as for ``accuracy``. Equal logits rank in the order of their
    classes, so that k = 1 is ``accuracy``, except for NaN: it ranks before every number and is
    never right.

    Raises TypeError and ValueError as ``accuracy`` does, and ValueError for classes out of range or
    k outside 1 to C.

    >>> logits = mc.tensor([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
    >>> mc.ops.topk_accuracy(logits, [2, 2], k=2)
    tensor(0.5)
    """
    op = "topk_accuracy"
    scores, classes, counts = _scores_and_classes(op, logits, target, ignore_index, waits=True)
    _, c, *rest = scores.shape
    k = check_integer(f"{op}: k", k, 1, c)
    xp = array_module(scores)
    classes = to_device(classes, logits.device)[:, None]  # (N, 1, d1, ...)
    of_target = xp.take_along_axis(scores, classes, 1)  # (N, 1, d1, ...)
    is_earlier = xp.arange(c).reshape(-1, *[1] * len(rest)) < classes  # (N, C, d1, ...)
    ahead = xp.where(is_earlier, ~(scores < of_target), ~(scores <= of_target))
    return _fraction(ahead.sum(1) < k, counts)


@on_device
def count_targets(target: Tensor, ignore_index: int) -> int:
    """How many class indices count: all but those equal to ignore_index."""
    return int(array_module(target.data).count_nonzero(target.data != ignore_index))


def _scores_and_classes(
    op: str, logits: Tensor, target: TensorLike, ignore_index: int, waits: bool = False
) -> tuple[Array, Array, Array | None]:
    """The logits (N, C, ...), the class indices (N, ...), and which of them count; None if all.

    waits: check the class indices also where that waits for a GPU.
    """
    check_tensor(op, logits=logits)
    truth = as_named_tensor(op, target=target)
    if logits.ndim < 2 or logits.size == 0:
        raise ValueError(f"{op}: logits have shape {logits.shape}, expected (N, C, ...), not empty")
    if logits.shape[1] == 1:
        raise ValueError(
            f"{op}: logits have shape {logits.shape}, expected two classes or more; of one output, "
            "yes or no, it is ((outputs > 0) == (labels > 0.5)).mean()"
        )
    if truth.shape == logits.shape:
        return logits.data, _largest(op, truth), None
    classes = class_indices(op, logits, truth)
    ignored = check_integer(f"{op}: ignore_index", ignore_index)
    all_count = answer(classes, AllCount(ignored))
    if waits or is_known(classes):
        check_classes(op, classes, logits.shape[1], None if all_count else ignored)
    if all_count:
        return logits.data, classes, None
    counts = classes != ignored
    # Any class for those that do not count.
    return logits.data, array_module(classes).where(counts, classes, 0), counts


def _largest(op: str, target: Tensor) -> Array:
    """The class of each one-hot row or row of probabilities (N, C, ...): (N, ...)."""
    rows = target.data
    if is_known(rows) and not answer(rows, AreProbabilities()):
        wrong = AreProbabilities.wrong(rows)
        raise ValueError(
            f"{op}: target has the shape of the logits, {rows.shape}, but {wrong.sum()} of its "
            f"{wrong.size} rows are not one-hot or probabilities of sum 1"
        )
    return rows.argmax(1)


@dataclass(frozen=True)
class AreProbabilities:
    """Whether all rows (N, C, ...) are one-hot, or probabilities of sum 1."""

    def __call__(self, rows: Array) -> Any:
        return ~self.wrong(rows).any()

    @staticmethod
    def wrong(rows: Array) -> Array:
        """Which rows are not: (N, ...)."""
        return ~((abs(rows.sum(1, dtype=np.float32) - 1) < 0.01) & (rows.min(1) >= 0))


def _fraction(is_right: Array, counts: Array | None) -> Tensor:
    """The mean of those that count; NaN if none does."""
    xp = array_module(is_right)
    if counts is None:
        return Tensor(xp.asarray(is_right.mean(dtype=np.float32)))
    counts = to_device(counts, device_of(is_right))
    right, count = (is_right & counts).sum(dtype=np.float32), counts.sum(dtype=np.float32)
    return Tensor(xp.asarray(right / xp.where(count == 0, xp.float32(np.nan), count)))

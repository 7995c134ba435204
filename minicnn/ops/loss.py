"""Losses and what goes with them: how wrong is a prediction, and how often is it right."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module
from .activation import log_softmax
from .check import check_float, check_reduction
from .convert import as_tensor
from .reduce import sum

__all__ = ["accuracy", "cross_entropy", "one_hot"]


def one_hot(target: Any, num_classes: int) -> Tensor:
    """1 at each class index, 0 elsewhere: target (...) -> (..., num_classes), float32.

    Raises TypeError unless the target holds integers, ValueError for a class out of range.
    """
    classes = as_tensor(target).data
    _check_classes("one_hot", classes, num_classes)
    return Tensor(array_module(classes).eye(num_classes, dtype=np.float32)[classes])


def cross_entropy(
    logits: Tensor,
    target: Any,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    weight: Any = None,
) -> Tensor:
    """How surprised a softmax classifier is by the truth: loss_n = -sum_c w_c q_nc log p_nc.

    p = softmax(logits); q is the truth: one-hot for class indices, or the given probabilities,
    smoothed to (1 - s)·q + s/C by label_smoothing s (Szegedy et al., 2016).

    logits (N, C) or (N, C, d1, ...); target: integers (N, d1, ...), or probabilities in the shape
    of the logits; weight w (C,), one for each class.
    reduction: "mean", "sum", or "none" for one loss each, shape (N, d1, ...). As in PyTorch the
    mean over class indices divides by the sum of their weights, without those of ignore_index, and
    the mean over probabilities by the number of losses.

    Raises TypeError for dtypes that are neither, ValueError for shapes that do not fit, classes out
    of range, label_smoothing outside [0, 1] or an unknown reduction.
    """
    op = "cross_entropy"
    check_reduction(op, reduction)
    check_float(op, logits)
    if logits.ndim < 2 or logits.size == 0:
        raise ValueError(f"{op}: logits have shape {logits.shape}, expected (N, C, ...), not empty")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing is {label_smoothing}, expected 0 to 1")
    target = as_tensor(target)
    weights = _class_weights(op, logits, weight)  # (1, C, 1, ...)
    if target.dtype.kind == "f":
        truth, kept, count = _probabilities(op, logits, target)
    else:
        truth, kept, count = _classes(op, logits, target, weights, ignore_index)
    if label_smoothing:
        truth = truth * (1 - label_smoothing) + label_smoothing / logits.shape[1]
    coefficients = truth * Tensor(weights * kept)  # (N, C, ...)
    losses = -sum(coefficients * log_softmax(logits), 1)  # (N, ...)
    if reduction == "none":
        return losses
    return sum(losses) / count if reduction == "mean" else sum(losses)


def accuracy(logits: Tensor, target: Any) -> Tensor:
    """The fraction of rows whose largest logit is at the target: one number, float32.

    logits (N, C), target (N,) class indices. Raises ValueError for shapes that do not fit.
    """
    classes = as_tensor(target).data
    if logits.ndim != 2 or classes.shape != logits.shape[:1] or logits.size == 0:
        raise ValueError(
            f"accuracy: logits have shape {logits.shape} and target {classes.shape}, "
            "expected (N, C) and (N,), not empty"
        )
    right = logits.data.argmax(1) == classes
    return Tensor(array_module(right).asarray(right.mean(dtype=np.float32)))


def _probabilities(
    op: str, logits: Tensor, target: Tensor
) -> tuple[Tensor, Array | float, Array | float]:
    """The truth (N, C, ...), what part of it counts, and what a mean divides by."""
    if target.shape != logits.shape:
        raise ValueError(
            f"{op}: target has shape {target.shape}, expected {logits.shape}, that of the logits, "
            "for probabilities (integers are for class indices)"
        )
    return target.to(logits.dtype), 1.0, float(logits.size // logits.shape[1])


def _classes(
    op: str, logits: Tensor, target: Tensor, weights: Array, ignore_index: int
) -> tuple[Tensor, Array | float, Array | float]:
    """The same for class indices."""
    expected = logits.shape[:1] + logits.shape[2:]
    if target.shape != expected:
        raise ValueError(
            f"{op}: target has shape {target.shape}, expected {expected} "
            f"for class indices beside logits of shape {logits.shape}"
        )
    xp = array_module(logits.data)
    classes = target.data
    kept = classes != ignore_index
    classes = xp.where(kept, classes, 0)
    _check_classes(op, classes, logits.shape[1])
    kept = kept[:, None].astype(logits.dtype)  # (N, 1, ...)
    truth = xp.moveaxis(xp.eye(logits.shape[1], dtype=logits.dtype)[classes], -1, 1)  # (N, C, ...)
    count = (truth * (weights * kept)).sum()
    if count == 0:
        count = xp.asarray(xp.nan, logits.dtype)  # a mean over nothing, as in PyTorch
    return Tensor(truth), kept, count


def _class_weights(op: str, logits: Tensor, weight: Any) -> Array:
    """The weights beside the class axis: (1, C, 1, ...)."""
    xp = array_module(logits.data)
    classes = logits.shape[1]
    if weight is None:
        weights = xp.ones(classes, logits.dtype)
    else:
        weights = xp.asarray(getattr(weight, "data", weight), dtype=logits.dtype)
    if weights.shape != (classes,):
        raise ValueError(f"{op}: weight has shape {weights.shape}, expected ({classes},)")
    return weights.reshape(1, classes, *[1] * (logits.ndim - 2))


def _check_classes(op: str, classes: Array, num_classes: int) -> None:
    if classes.dtype.kind not in "iu":
        raise TypeError(f"{op}: target is {classes.dtype}, expected integers for class indices")
    wrong = classes[(classes < 0) | (classes >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"{op}: target holds class {int(wrong[0])}, "
            f"but there are {num_classes} classes: 0 to {num_classes - 1}"
        )

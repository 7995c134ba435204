"""Losses and what goes with them: how wrong is a prediction, and how often is it right."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module
from .activation import log_softmax
from .check import check_float, check_number, check_reduction, check_tensor
from .convert import as_tensor
from .mask import mask
from .reduce import sum

__all__ = ["accuracy", "cross_entropy", "one_hot"]


def one_hot(target: Any, num_classes: int) -> Tensor:
    """1 at each class index, 0 elsewhere: target (...) -> (..., num_classes), float32.

    Raises TypeError unless the target holds integers, ValueError for a class out of range.
    """
    classes = _truth("one_hot", target).data
    if not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ValueError(f"one_hot: num_classes is {num_classes!r}, expected an integer from 1 on")
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
    label_smoothing = check_number(op, label_smoothing=label_smoothing)
    if logits.ndim < 2 or logits.size == 0:
        raise ValueError(f"{op}: logits have shape {logits.shape}, expected (N, C, ...), not empty")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing is {label_smoothing}, expected 0 to 1")
    truth = _truth(op, target)
    weights = _class_weights(op, logits, weight)  # (1, C, 1, ...)
    if truth.dtype.kind == "f":
        losses, count = _losses_of_probabilities(logits, truth, label_smoothing, weights)
    else:
        losses, count = _losses_of_classes(
            logits, truth.data, label_smoothing, weights, ignore_index
        )
    if reduction == "none":
        return losses
    return sum(losses) / count if reduction == "mean" else sum(losses)


def accuracy(logits: Tensor, target: Any) -> Tensor:
    """The fraction of rows whose largest logit is at the target: one number, float32.

    logits (N, C), target (N,) class indices. Raises ValueError for shapes that do not fit.
    """
    check_tensor("accuracy", logits=logits)
    classes = _truth("accuracy", target).data
    if logits.ndim != 2 or classes.shape != logits.shape[:1] or logits.size == 0:
        raise ValueError(
            f"accuracy: logits have shape {logits.shape} and target {classes.shape}, "
            "expected (N, C) and (N,), not empty"
        )
    right = logits.data.argmax(1) == classes
    return Tensor(array_module(right).asarray(right.mean(dtype=np.float32)))


def _truth(op: str, target: Any) -> Tensor:
    try:
        return as_tensor(target)
    except TypeError as error:
        raise TypeError(f"{op}: target: {error}") from error


def _losses_of_probabilities(
    logits: Tensor, target: Tensor, smoothing: float, weights: Array
) -> tuple[Tensor, Any]:
    """The loss of each row for a target of probabilities, and what their mean divides by."""
    if target.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: target has shape {target.shape}, expected {logits.shape}, that of the "
            "logits, for probabilities (integers are for class indices)"
        )
    truth = target.to(logits.dtype) * (1 - smoothing) + smoothing / logits.shape[1]
    losses = -sum(truth * Tensor(weights) * log_softmax(logits), 1)  # (N, ...)
    return losses, losses.size


def _losses_of_classes(
    logits: Tensor, classes: Array, smoothing: float, weights: Array, ignore_index: int
) -> tuple[Tensor, Any]:
    """The same for class indices."""
    expected = logits.shape[:1] + logits.shape[2:]
    if classes.shape != expected:
        raise ValueError(
            f"cross_entropy: target has shape {classes.shape}, expected {expected} "
            f"for class indices beside logits of shape {logits.shape}"
        )
    _check_integers("cross_entropy", classes)
    xp = array_module(logits.data)
    kept = classes != ignore_index
    # In place of a class to ignore one whose log p is finite: it is multiplied by 0.
    classes = xp.where(kept, classes, logits.data.argmax(1))
    _check_classes("cross_entropy", classes, logits.shape[1])
    weight_of = kept * weights.ravel()[classes]  # (N, ...)
    log_p = log_softmax(logits)
    losses = Tensor(weight_of * (smoothing - 1)) * _pick(log_p, classes)  # (N, ...)
    if smoothing:
        of_all = mask(sum(Tensor(weights) * log_p, 1), kept)
        losses = losses - of_all * (smoothing / logits.shape[1])
    count = weight_of.sum()
    return losses, Tensor(xp.where(count == 0, xp.asarray(xp.nan, log_p.dtype), count))


def _pick(x: Tensor, classes: Array) -> Tensor:
    """The entry of each class index: x (N, C, ...), classes (N, ...) -> (N, ...).

    Picked, not multiplied by a one-hot: a logit of -inf (a class ruled out) must not give 0 · inf.
    """
    last = x.permute(0, *range(2, x.ndim), 1).reshape(classes.size, x.shape[1])
    picked = last[array_module(classes).arange(classes.size), classes.ravel()]  # (N·...,)
    return picked.reshape(*classes.shape)


def _class_weights(op: str, logits: Tensor, weight: Any) -> Array:
    """The weights beside the class axis: (1, C, 1, ...)."""
    xp = array_module(logits.data)
    classes = logits.shape[1]
    if weight is None:
        weights = xp.ones(classes, logits.dtype)
    else:
        given = weight if isinstance(weight, Tensor) else _truth(f"{op}: weight", weight)
        weights = given.data.astype(logits.dtype)
    if weights.shape != (classes,):
        raise ValueError(f"{op}: weight has shape {weights.shape}, expected ({classes},)")
    return weights.reshape(1, classes, *[1] * (logits.ndim - 2))


def _check_integers(op: str, classes: Array) -> None:
    if classes.dtype.kind not in "iu":
        raise TypeError(f"{op}: target is {classes.dtype}, expected integers for class indices")


def _check_classes(op: str, classes: Array, num_classes: int) -> None:
    _check_integers(op, classes)
    wrong = classes[(classes < 0) | (classes >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"{op}: target holds class {int(wrong[0])}, "
            f"but there are {num_classes} classes: 0 to {num_classes - 1}"
        )

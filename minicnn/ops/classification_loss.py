"""Losses of classifiers: how wrong are these logits?"""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from ..backend import Array, array_module, to_device
from .activation import relu, softplus
from .check import check_number, check_reduction
from .convert import to
from .gather import gather_class
from .loss_inputs import (
    as_named_tensor,
    check_classes,
    check_same_shape,
    check_scores,
    class_indices,
    class_weights,
    reduce_losses,
    to_device_of,
)
from .reduce import sum
from .select import keep
from .softmax import log_softmax


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
    check_scores(op, logits=logits)
    label_smoothing = check_number(op, label_smoothing=label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing is {label_smoothing}, expected 0 to 1")
    truth = as_named_tensor(op, target=target)
    weights = class_weights(op, logits, weight)
    if truth.dtype.kind == "f":
        truth = to_device_of(op, logits, target=target)
        losses = _losses_of_probabilities(logits, truth, label_smoothing, weights)
        return reduce_losses(losses, reduction)
    classes = class_indices(op, logits, truth)
    log_probs = log_softmax(logits)
    losses, count = _losses_of_classes(op, log_probs, classes, weights, ignore_index)
    if label_smoothing:
        of_all = sum(_weighted(log_probs, weights), 1)  # (N, ...)
        of_all = keep(of_all, to_device(classes != ignore_index, logits.device))
        losses = losses * (1 - label_smoothing) - of_all * (label_smoothing / logits.shape[1])
    return reduce_losses(losses, reduction, count)


def _losses_of_probabilities(
    logits: Tensor, target: Tensor, smoothing: float, weights: Array | None
) -> Tensor:
    if target.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: target has shape {target.shape}, expected {logits.shape}, that of the "
            "logits, for probabilities (integers are for class indices)"
        )
    truth = to(target, logits.dtype) * (1 - smoothing) + smoothing / logits.shape[1]
    return -sum(_weighted(truth, weights) * log_softmax(logits), 1)  # (N, ...)


def _weighted(scores: Tensor, weights: Array | None) -> Tensor:
    """The scores (N, C, ...) of each class times its weight."""
    return scores if weights is None else scores * Tensor(_over_classes(scores, weights))


def _over_classes(scores: Tensor, values: Array) -> Array:
    """One value for each class (C,) along the class axis of the scores: (1, C, 1, ...)."""
    return values.reshape(1, -1, *[1] * (scores.ndim - 2))


def nll_loss(
    log_probs: Tensor,
    target: Any,
    reduction: str = "mean",
    ignore_index: int = -100,
    weight: Any = None,
) -> Tensor:
    """The negative log-likelihood of the true classes y: loss_n = -w_y log p_ny.

    log_probs (N, C) or (N, C, d1, ...), such as log_softmax gives, target integers (N, d1, ...),
    weight (C,). With log_softmax before it this is ``cross_entropy`` of class indices, and so are
    its reduction, ignore_index and errors.
    """
    op = "nll_loss"
    check_reduction(op, reduction)
    check_scores(op, log_probs=log_probs)
    classes = class_indices(op, log_probs, as_named_tensor(op, target=target))
    weights = class_weights(op, log_probs, weight)
    losses, count = _losses_of_classes(op, log_probs, classes, weights, ignore_index)
    return reduce_losses(losses, reduction, count)


def _losses_of_classes(
    op: str, log_probs: Tensor, classes: Array, weights: Array | None, ignore_index: int
) -> tuple[Tensor, Tensor | int]:
    """The loss of each class index (N, ...), and the sum of their weights."""
    kept = classes != ignore_index
    if weights is None and kept.all():
        check_classes(op, classes, log_probs.shape[1])
        return -gather_class(log_probs, classes), classes.size
    classes = array_module(classes).where(kept, classes, 0)  # any class: what it picks is masked
    check_classes(op, classes, log_probs.shape[1])
    classes, kept = (to_device(a, log_probs.device) for a in (classes, kept))
    xp, dtype = array_module(kept), log_probs.dtype
    weight_of = kept.astype(dtype) if weights is None else kept * weights[classes]  # (N, ...)
    losses = Tensor(weight_of) * keep(-gather_class(log_probs, classes), kept)  # (N, ...)
    count = weight_of.sum()
    return losses, Tensor(xp.where(count == 0, xp.asarray(xp.nan, dtype), count))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Any,
    reduction: str = "mean",
    weight: Any = None,
    pos_weight: Any = None,
) -> Tensor:
    """The cross-entropy of yes-or-no answers: -w·(v·t·log p + (1 - t)·log(1 - p)), p = sigmoid(x).

    x is the input and t the target of one shape, any; log p = -softplus(-x) does not overflow, and
    an infinite logit that is right costs 0. weight w and pos_weight v (the weight of "yes",
    often (C,) beside (N, C)) broadcast to that shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss each.

    Raises TypeError unless the input is a Tensor of floats, ValueError for shapes that do not fit
    (PyTorch refuses different shapes here too) or an unknown reduction.
    """
    op = "binary_cross_entropy_with_logits"
    check_reduction(op, reduction)
    x, t = check_same_shape(op, input, target)
    yes, no = _times(t, softplus(-x)), _times(1 - t, softplus(x))
    losses = (yes if pos_weight is None else yes * _factor(op, x, pos_weight=pos_weight)) + no
    if weight is not None:
        losses = losses * _factor(op, x, weight=weight)
    return reduce_losses(losses, reduction)


def _times(share: Tensor, loss: Tensor) -> Tensor:
    """share · loss with 0 · inf = 0; where the loss is finite a share of 0 has its gradient."""
    finite = array_module(loss.data).isfinite(loss.data)
    return share * keep(loss, finite | (share.data != 0))


def _factor(op: str, x: Tensor, **argument: Any) -> Tensor:
    """A weight that broadcasts to the shape of x, in its dtype."""
    (name,) = argument
    factor = to_device_of(op, x, **argument)
    ends = zip(reversed(factor.shape), reversed(x.shape), strict=False)
    if factor.ndim > x.ndim or any(n not in (1, m) for n, m in ends):
        raise ValueError(f"{op}: {name} has shape {factor.shape}, expected one that fits {x.shape}")
    return to(factor, x.dtype)


def hinge_loss(
    logits: Tensor,
    target: Any,
    reduction: str = "mean",
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
) -> Tensor:
    """How far other classes come within a margin m of the true one, y (PyTorch: multi_margin_loss).

    loss_n = w_y · sum_{c != y} max(0, m - x_ny + x_nc) ** p / C; Weston and Watkins, 1999.

    logits x (N, C) or (N, C, d1, ...), target integers (N, d1, ...), p 1 or 2, weight w (C,).
    The gradient of a term is 0 where the margin is just kept.
    reduction: "mean" over the N·d1·... losses whatever their weights, "sum", or "none".

    Raises TypeError for a target that holds no integers, ValueError for shapes that do not fit,
    classes out of range, another p or an unknown reduction.
    """
    op = "hinge_loss"
    check_reduction(op, reduction)
    check_scores(op, logits=logits)
    margin = check_number(op, margin=margin)
    if isinstance(p, bool) or p not in (1, 2):
        raise ValueError(f"{op}: p is {p!r}, expected 1 or 2")
    classes = class_indices(op, logits, as_named_tensor(op, target=target))
    check_classes(op, classes, logits.shape[1])
    weights = class_weights(op, logits, weight)
    n, c, *rest = logits.shape
    classes = to_device(classes, logits.device)
    gaps = relu(
        margin + (logits - gather_class(logits, classes).reshape(n, 1, *rest))
    )  # (N, C, ...)
    every = array_module(classes).arange(c)
    gaps = keep(gaps, _over_classes(logits, every) != classes[:, None])  # (N, C, ...)
    losses = sum(gaps if p == 1 else gaps * gaps, 1) / c  # (N, ...)
    return reduce_losses(
        losses if weights is None else losses * Tensor(weights[classes]), reduction
    )

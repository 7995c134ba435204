"""Losses of classifiers: how wrong are these logits?"""

from __future__ import annotations

from collections.abc import Callable

from ..autograd import Function, Tensor
from ..backend import Array, array_module, is_in_cpu_memory, kernels_for, to_device
from ..backend.capture import answer
from ..backend.uploads import upload
from ..checks import check_integer, check_number
from .activation import relu, softplus
from .convert import TensorLike, convert, in_float32
from .gather import gather_class
from .loss_inputs import (
    AllCount,
    as_class_weights,
    as_named_tensor,
    check_classes,
    check_same_shape,
    check_scores,
    class_indices,
    reduce_losses,
    to_device_of,
)
from .reduce import sum
from .select import keep
from .shape import broadcasts_to
from .softmax import log_softmax, softmax

ROUNDING = 1e-3
"""How far a share may lie outside of 0 to 1, as a sum of shares in float16 does."""


@in_float32
def cross_entropy(
    logits: Tensor,
    target: TensorLike,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    weight: TensorLike | None = None,
) -> Tensor:
    """How surprised a softmax classifier is by the truth: loss_n = -sum_c w_c q_nc log p_nc.

    p = softmax(logits); q is the truth: one-hot for class indices, or the given probabilities,
    smoothed to (1 - s)·q + s/C by label_smoothing s (Szegedy et al., 2016).

    logits (N, C) or (N, C, d1, ...); target: integers (N, d1, ...), or probabilities in the shape
    of the logits; weight w (C,), one for each class.
    reduction: "mean", "sum", or "none" for one loss each, shape (N, d1, ...). As in PyTorch the
    mean over class indices divides by the sum of their weights, without those of ignore_index, and
    the mean over probabilities by the number of losses.

    Raises TypeError for other dtypes of the target, ValueError for shapes that do not fit, classes
    out of range, probabilities on the CPU that are not from 0 to 1, label_smoothing outside [0, 1]
    or an unknown reduction.

    >>> logits = mc.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> mc.ops.cross_entropy(logits, [0, 2], reduction="none").numpy().round(3)
    array([0.24 , 1.099], dtype=float32)
    """
    op = "cross_entropy"
    check_scores(op, logits=logits)
    label_smoothing = check_number(
        f"{op}: label_smoothing", label_smoothing, "a number from 0 to 1"
    )
    truth = as_named_tensor(op, target=target)
    weights = as_class_weights(op, logits, weight)
    if truth.dtype.kind == "f":
        truth = to_device_of(op, logits, target=target)
        losses = _losses_of_probabilities(logits, truth, label_smoothing, weights)
        return reduce_losses(op, losses, reduction)
    classes = class_indices(op, logits, truth)
    if not label_smoothing:
        losses, count = _losses_of_classes(
            op, _cross_entropy, logits, classes, weights, ignore_index
        )
    else:
        log_probs = log_softmax(logits)
        losses, count = _losses_of_classes(op, _negative, log_probs, classes, weights, ignore_index)
        total = sum(_weighted(log_probs, weights), 1)  # (N, ...)
        total = keep(total, to_device(classes != ignore_index, logits.device))
        losses = losses * (1 - label_smoothing) - total * (label_smoothing / logits.shape[1])
    return reduce_losses(op, losses, reduction, count)


def _losses_of_probabilities(
    logits: Tensor, target: Tensor, smoothing: float, weights: Array | None
) -> Tensor:
    if target.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: target has shape {target.shape}, expected {logits.shape}, that of the "
            "logits, for probabilities (integers are for class indices)"
        )
    truth = convert(target, logits.dtype) * (1 - smoothing) + smoothing / logits.shape[1]
    losses = -sum(_weighted(truth, weights) * log_softmax(logits), 1)  # (N, ...)
    _check_shares("cross_entropy", target, "one-hot bytes are target / 255")
    return losses


def _weighted(scores: Tensor, weights: Array | None) -> Tensor:
    """The scores (N, C, ...) of each class times its weight."""
    return scores if weights is None else scores * Tensor(_over_classes(scores, weights))


def _over_classes(scores: Tensor, values: Array) -> Array:
    """One value for each class (C,) along the class axis of the scores: (1, C, 1, ...)."""
    return values.reshape(1, -1, *[1] * (scores.ndim - 2))


@in_float32
def nll_loss(
    log_probs: Tensor,
    target: TensorLike,
    reduction: str = "mean",
    ignore_index: int = -100,
    weight: TensorLike | None = None,
) -> Tensor:
    """The negative log-likelihood of the true classes y: loss_n = -w_y log p_ny.

    log_probs (N, C) or (N, C, d1, ...), such as log_softmax gives, target integers (N, d1, ...),
    weight (C,). After log_softmax this is ``cross_entropy`` of class indices; reduction,
    ignore_index and errors are the same.

    >>> mc.ops.nll_loss(mc.ops.log_softmax(mc.tensor([[0.0, 0.0]])), [1]).item()
    0.693...
    """
    op = "nll_loss"
    check_scores(op, log_probs=log_probs)
    classes = class_indices(op, log_probs, as_named_tensor(op, target=target))
    weights = as_class_weights(op, log_probs, weight)
    losses, count = _losses_of_classes(op, _negative, log_probs, classes, weights, ignore_index)
    return reduce_losses(op, losses, reduction, count)


def _losses_of_classes(
    op: str,
    losses_of: Callable[[Tensor, Array], Tensor],
    scores: Tensor,
    classes: Array,
    weights: Array | None,
    ignore_index: int,
) -> tuple[Tensor, Tensor | None]:
    """The loss of each class index (N, ...), and the sum of their weights, NaN instead of 0.

    None is the number of losses. losses_of: computes the losses without weights.
    """
    ignored = check_integer(f"{op}: ignore_index", ignore_index)
    if weights is None and answer(classes, AllCount(ignored)):
        check_classes(op, classes, scores.shape[1])
        return losses_of(scores, classes), None
    check_classes(op, classes, scores.shape[1], ignored)
    mask = classes != ignored
    classes = array_module(classes).where(mask, classes, 0)  # any class: it is masked below
    classes, mask = (to_device(a, scores.device) for a in (classes, mask))
    xp, dtype = array_module(mask), scores.dtype
    weight_of = mask.astype(dtype) if weights is None else mask * weights[classes]  # (N, ...)
    losses = Tensor(weight_of) * keep(losses_of(scores, classes), mask)  # (N, ...)
    count = weight_of.sum()
    return losses, Tensor(xp.where(count == 0, xp.asarray(xp.nan, dtype), count))


class CrossEntropy(Function):
    """-log p of the class of each row, p = softmax(scores): (N, C, ...) -> (N, ...)."""

    def forward(self, scores: Array, *, classes: Array) -> Array:
        return kernels_for(scores).cross_entropy(scores, classes)

    def backward(self, grad: Tensor) -> Tensor:
        return CrossEntropyGrad.apply(grad, *self.inputs, **self.options)


class CrossEntropyGrad(Function):
    """g · (p - d), d being 1 at the class and 0 elsewhere: linear in g."""

    def forward(self, grad: Array, scores: Array, *, classes: Array) -> Array:
        return kernels_for(scores).cross_entropy_grad(grad, scores, classes)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        g, scores = self.inputs
        n, *rest = g.shape
        p = softmax(scores)
        mean = sum(p * grad, 1, keepdim=True)  # (N, 1, ...)
        to_g = mean.reshape(n, *rest) - gather_class(grad, self.options["classes"])
        return to_g, g.reshape(n, 1, *rest) * p * (grad - mean) if self.needs_grad[1] else None


def _cross_entropy(scores: Tensor, classes: Array) -> Tensor:
    return CrossEntropy.apply(scores, classes=upload(classes, scores.device))


def _negative(log_probs: Tensor, classes: Array) -> Tensor:
    return -gather_class(log_probs, classes)


@in_float32
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: TensorLike,
    reduction: str = "mean",
    weight: TensorLike | None = None,
    pos_weight: TensorLike | None = None,
) -> Tensor:
    """The cross-entropy of yes-or-no answers: -w·(v·t·log p + (1 - t)·log(1 - p)), p = sigmoid(x).

    x is the input and t the target of one shape, any; log p = -softplus(-x) does not overflow, and
    an infinite logit that is right costs 0. weight w and pos_weight v (the weight of "yes", often
    (C,) for logits (N, C)) broadcast to that shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss each.

    Raises TypeError unless the input is a Tensor of floats, ValueError for shapes that do not fit
    (also an error in PyTorch), for targets on the CPU that are not from 0 to 1, or an unknown
    reduction.

    >>> x = mc.tensor([0.0, 1000.0])
    >>> mc.ops.binary_cross_entropy_with_logits(x, [1.0, 1.0], reduction="none").numpy().round(3)
    array([0.693, 0.   ], dtype=float32)
    """
    op = "binary_cross_entropy_with_logits"
    x, t = check_same_shape(op, input, target)
    yes, no = _times(t, softplus(-x)), _times(1 - t, softplus(x))
    losses = (yes if pos_weight is None else yes * _factor(op, x, pos_weight=pos_weight)) + no
    if weight is not None:
        losses = losses * _factor(op, x, weight=weight)
    loss = reduce_losses(op, losses, reduction)
    _check_shares(op, t, "a mask of bytes is target / 255, labels -1 and 1 are (target + 1) / 2")
    return loss


def _check_shares(op: str, t: Tensor, hint: str) -> None:
    """Raise ValueError for targets outside of 0 to 1; to check them would wait for a GPU."""
    if not is_in_cpu_memory(t.data) or not t.size:
        return
    least, most = t.data.min(), t.data.max()
    if not (least >= -ROUNDING and most <= 1 + ROUNDING):
        raise ValueError(f"{op}: target holds {least:g} to {most:g}, expected 0 to 1: {hint}")


def _times(share: Tensor, loss: Tensor) -> Tensor:
    """share · loss with 0 · inf = 0; a share of 0 has a gradient where the loss is finite."""
    finite = array_module(loss.data).isfinite(loss.data)
    return share * keep(loss, finite | (share.data != 0))


def _factor(op: str, x: Tensor, **argument: TensorLike) -> Tensor:
    """A weight that broadcasts to the shape of x, in its dtype."""
    (name,) = argument
    factor = to_device_of(op, x, **argument)
    if not broadcasts_to(factor.shape, x.shape):
        raise ValueError(f"{op}: {name} has shape {factor.shape}, expected one that fits {x.shape}")
    return convert(factor, x.dtype)


@in_float32
def hinge_loss(
    logits: Tensor,
    target: TensorLike,
    reduction: str = "mean",
    p: int = 1,
    margin: float = 1.0,
    weight: TensorLike | None = None,
) -> Tensor:
    """How far other classes come within a margin m of the true one, y (PyTorch: multi_margin_loss).

    loss_n = w_y · sum_{c != y} max(0, m - x_ny + x_nc) ** p / C; Weston and Watkins, 1999.

    logits x (N, C) or (N, C, d1, ...), target integers (N, d1, ...), p 1 or 2, weight w (C,).
    The gradient of a term is 0 where the margin is reached exactly. A difference that is NaN, also
    that of two infinite logits, makes the loss NaN and passes the gradient on, so that a network
    that has diverged is seen; PyTorch leaves the term out.
    reduction: "mean" over the N·d1·... losses whatever their weights, "sum", or "none".

    Raises TypeError unless the target holds integers, ValueError for shapes that do not fit,
    classes out of range, another p or an unknown reduction.

    >>> mc.ops.hinge_loss(mc.tensor([[2.0, 1.5, 0.0, 0.0]]), [0])
    tensor(0.125)
    """
    op = "hinge_loss"
    check_scores(op, logits=logits)
    margin = check_number(f"{op}: margin", margin)
    p = check_integer(f"{op}: p", p, 1, 2)
    classes = class_indices(op, logits, as_named_tensor(op, target=target))
    check_classes(op, classes, logits.shape[1])
    weights = as_class_weights(op, logits, weight)
    n, c, *rest = logits.shape
    classes = to_device(classes, logits.device)
    scores = gather_class(logits, classes).reshape(n, 1, *rest)
    gaps = relu(margin + (logits - scores))  # (N, C, ...)
    every = array_module(classes).arange(c)
    gaps = keep(gaps, _over_classes(logits, every) != classes[:, None])  # (N, C, ...)
    losses = sum(gaps if p == 1 else gaps * gaps, 1) / c  # (N, ...)
    losses = losses if weights is None else losses * Tensor(weights[classes])
    return reduce_losses(op, losses, reduction)

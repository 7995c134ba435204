"""Losses and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import minicnn as mc

from .case import (
    SIDES,
    Array,
    Call,
    Draw,
    F,
    OpCase,
    Shape,
    as_torch,
    generator,
    numbers,
    shape_of,
    torch,
)

REDUCTIONS: dict[str, Callable[[Array], Any]] = {
    "none": lambda losses: losses,
    "sum": np.sum,
    "mean": np.mean,
}


def drawn_reduction(draw: Draw) -> str:
    return draw(st.sampled_from(list(REDUCTIONS)))


def of_distance(
    name: str, oracle: Any, twin: Any, distances: list[float], **choices: Any
) -> OpCase:
    """A loss of two tensors whose elements differ by about these numbers, clear of its kinks."""

    def draw_call(draw: Draw) -> Call:
        x, rng = numbers(draw, shape_of(draw)), generator(draw)
        apart = rng.choice([*distances, *[-d for d in distances]], x.shape)
        target = mc.Tensor(x.data + apart + rng.uniform(-0.05, 0.05, x.shape), requires_grad=True)
        options = {option: draw(st.sampled_from(values)) for option, values in choices.items()}
        return [x, target], {"reduction": drawn_reduction(draw), **options}

    def of_arrays(x: Array, target: Array, reduction: str, **options: Any) -> Any:
        return REDUCTIONS[reduction](oracle(np.abs(x - target), **options))

    return OpCase(name, draw_call, of_arrays, twin)


def huber(distance: Array, delta: float) -> Array:
    return np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))


def binary_cross_entropy(draw: Draw) -> Call:
    x = numbers(draw, shape_of(draw), (-4, 4))
    weights = {
        name: draw(st.sampled_from([None, np.asarray(generator(draw).uniform(0.5, 2, shape))]))
        for name, shape in (("weight", x.shape), ("pos_weight", x.shape[-1:]))
    }
    target = numbers(draw, x.shape, (0.02, 0.98))
    return [x, target], {"reduction": drawn_reduction(draw), **weights}


def binary_cross_entropy_formula(
    x: Array, target: Array, reduction: str, weight: Array | None, pos_weight: Array | None
) -> Any:
    w, positive = (1.0 if a is None else a for a in (weight, pos_weight))
    p = 1 / (1 + np.exp(-x))
    losses = -w * (positive * target * np.log(p) + (1 - target) * np.log(1 - p))
    return REDUCTIONS[reduction](losses)


def binary_cross_entropy_in_torch(
    x: Any, target: Any, reduction: str, weight: Array | None, pos_weight: Array | None
) -> Any:
    return F.binary_cross_entropy_with_logits(
        x, target, as_torch(weight), reduction=reduction, pos_weight=as_torch(pos_weight)
    )


def classes(draw: Draw) -> tuple[Shape, Array]:
    """A shape (N, C, ...) of scores, and class indices (N, ...)."""
    n, c, *rest = draw(st.integers(1, 4)), draw(st.integers(1, 5)), *shape_of(draw, 0, 2)
    return (n, c, *rest), generator(draw).integers(0, c, (n, *rest))


def class_options(draw: Draw, target: Array, c: int) -> dict[str, Any]:
    """Weights of the classes, and a class to ignore: never all of the targets."""
    ignorable = [i for i in (-100, 0, 2) if i != target.flat[0]]
    return {
        "weight": draw(st.sampled_from([None, generator(draw).uniform(0.5, 2, c)])),
        "ignore_index": draw(st.sampled_from(ignorable)),
        "reduction": drawn_reduction(draw),
    }


def nll_loss(draw: Draw) -> Call:
    shape, target = classes(draw)
    return [numbers(draw, shape)], {"target": target, **class_options(draw, target, shape[1])}


def cross_entropy(draw: Draw) -> Call:
    """The target holds class indices or probabilities."""
    shape, target = classes(draw)
    options = class_options(draw, target, shape[1])
    options["label_smoothing"] = draw(st.sampled_from([0.0, 0.1, 1.0]))
    if draw(st.booleans()):
        (n, c, *rest), rng = shape, generator(draw)
        target = np.moveaxis(rng.dirichlet(np.ones(c), (n, *rest)), -1, 1)
        del options["ignore_index"]
    return [numbers(draw, shape)], {"target": target, **options}


def nll_formula(
    x: Array, target: Array, *, weight: Array | None, ignore_index: int, reduction: str
) -> Any:
    of_class = np.ones(x.shape[1]) if weight is None else weight
    counted = target != ignore_index
    weights = of_class[target] * counted
    losses = -np.take_along_axis(x, target[:, None], 1)[:, 0] * weights
    return losses.sum() / weights.sum() if reduction == "mean" else REDUCTIONS[reduction](losses)


def cross_entropy_formula(
    x: Array,
    target: Array,
    *,
    weight: Array | None,
    reduction: str,
    label_smoothing: float,
    ignore_index: int = -100,
) -> Any:
    c = x.shape[1]
    of_class = np.ones(c) if weight is None else weight
    expected, total = target, target.size / c
    counted = np.ones(target.shape)
    if target.ndim < x.ndim:
        expected = np.moveaxis(np.eye(c)[target], -1, 1)
        counted = (target != ignore_index) * 1.0
        total = (of_class[target] * counted).sum()
        counted = counted[:, None]
    expected = (1 - label_smoothing) * expected + label_smoothing / c
    log_p = np.log(np.exp(x) / np.exp(x).sum(1, keepdims=True))
    per_class = of_class.reshape(-1, *[1] * (x.ndim - 2))
    losses = -(per_class * expected * log_p * counted).sum(1)
    return losses.sum() / total if reduction == "mean" else REDUCTIONS[reduction](losses)


def with_tensors(twin: Any) -> Callable[..., Any]:
    """PyTorch's loss of class indices, called with arrays."""
    return lambda x, target, weight, **options: twin(
        x, as_torch(target), weight=as_torch(weight), **options
    )


def hinge_loss(draw: Draw) -> Call:
    """Logits near multiples of 1/2, and margins between these."""
    shape, target = classes(draw)
    rng = generator(draw)
    logits = rng.integers(-4, 4, shape) / 2 + rng.uniform(-0.05, 0.05, shape)
    options = {
        "reduction": drawn_reduction(draw),
        "p": draw(st.integers(1, 2)),
        "margin": draw(st.sampled_from([0.25, 0.3, 0.75, 1.25])),
        "weight": draw(st.sampled_from([None, rng.uniform(0.5, 2, shape[1])])),
    }
    return [mc.Tensor(logits, requires_grad=True)], {"target": target, **options}


def loop_hinge_loss(
    x: Array, target: Array, reduction: str, p: int, margin: float, weight: Array | None
) -> Any:
    losses = np.zeros(target.shape)
    for n, *place in np.ndindex(*target.shape):
        row, true = x[(n, slice(None), *place)], target[(n, *place)]
        gaps = [max(0.0, margin - row[true] + row[c]) for c in range(len(row)) if c != true]
        scale = 1.0 if weight is None else weight[true]
        losses[(n, *place)] = scale * sum(gap**p for gap in gaps) / len(row)
    return REDUCTIONS[reduction](losses)


def hinge_loss_in_torch(
    x: Any, target: Array, reduction: str, p: int, margin: float, weight: Array | None
) -> Any:
    """PyTorch's own multi_margin_loss has no second derivative, its building blocks have."""
    index = as_torch(target)[:, None]
    scale = 1.0 if weight is None else as_torch(weight)[index]
    gaps = torch.relu(margin - x.gather(1, index) + x) ** p * scale
    others = torch.arange(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2)) != index
    losses = torch.where(others, gaps, 0.0).mean(1)
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]()


def rows(draw: Draw) -> tuple[mc.Tensor, Array]:
    """Scores (N, C) and class indices (N,)."""
    n, c = draw(SIDES), draw(st.integers(2, 5))
    return numbers(draw, (n, c)), generator(draw).integers(0, c, n)


def accuracy(draw: Draw) -> Call:
    logits, target = rows(draw)
    return [logits], {"target": target}


def topk_accuracy(draw: Draw) -> Call:
    logits, target = rows(draw)
    return [logits], {"target": target, "k": draw(st.integers(1, logits.shape[1]))}


def loop_topk_accuracy(x: Array, target: Array, k: int = 1) -> Array:
    best = [sorted(range(len(row)), key=lambda c: -row[c])[:k] for row in x]
    return np.float32(np.mean([t in few for t, few in zip(target, best, strict=True)]))


def topk_accuracy_in_torch(x: Any, target: Array, k: int = 1) -> Any:
    return (x.topk(k).indices == as_torch(target)[:, None]).any(1).float().mean()


def one_hot(draw: Draw) -> Call:
    c = draw(SIDES)
    return [], {"target": generator(draw).integers(0, c, shape_of(draw)), "num_classes": c}


CASES = [
    OpCase(
        "binary_cross_entropy_with_logits",
        binary_cross_entropy,
        binary_cross_entropy_formula,
        binary_cross_entropy_in_torch,
    ),
    OpCase("cross_entropy", cross_entropy, cross_entropy_formula, with_tensors(F.cross_entropy)),
    OpCase("hinge_loss", hinge_loss, loop_hinge_loss, hinge_loss_in_torch),
    of_distance("huber_loss", huber, F.huber_loss, [0.3, 1.2, 3.0], delta=[0.4, 0.6, 1.0]),
    of_distance("l1_loss", lambda distance: distance, F.l1_loss, [0.2, 1.0, 3.0]),
    of_distance("mse_loss", np.square, F.mse_loss, [0.0, 0.2, 1.0, 3.0]),
    OpCase("nll_loss", nll_loss, nll_formula, with_tensors(F.nll_loss)),
    # metrics
    OpCase("accuracy", accuracy, loop_topk_accuracy, topk_accuracy_in_torch, differentiable=False),
    OpCase(
        "one_hot",
        one_hot,
        lambda target, num_classes: np.eye(num_classes, dtype=np.float32)[target],
        lambda target, num_classes: F.one_hot(as_torch(target), num_classes).float(),
        differentiable=False,
    ),
    OpCase(
        "topk_accuracy",
        topk_accuracy,
        loop_topk_accuracy,
        topk_accuracy_in_torch,
        differentiable=False,
    ),
]

"""The cases of the losses for test_every_op.py: their oracles are the formulas, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import minicnn as mc
from minicnn import ops

from .image_cases import numbers

Array = NDArray[Any]
Draw = st.DrawFn
Case = tuple[list[mc.Tensor], Callable[..., mc.Tensor], Callable[..., Any]]
REDUCTIONS: dict[str, Callable[[Array], Any]] = {
    "none": lambda losses: losses,
    "sum": np.sum,
    "mean": np.mean,
}


def shape(draw: Draw, least: int = 0, most: int = 3) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(1, 4), min_size=least, max_size=most)))


def seeded(draw: Draw) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def elementwise(op: Any, oracle: Any, distances: tuple[float, ...]) -> Callable[[Draw], Case]:
    """A loss of two tensors whose elements differ by about these numbers, clear of its kinks."""

    def case(draw: Draw) -> Case:
        x = numbers(draw, shape(draw))
        rng = seeded(draw)
        apart = rng.choice([*distances, *[-d for d in distances]], x.shape)
        target = mc.Tensor(x.data + apart + rng.uniform(-0.05, 0.05, x.shape), requires_grad=True)
        reduction = draw(st.sampled_from(list(REDUCTIONS)))
        return (
            [x, target],
            lambda x, t: op(x, t, reduction),
            lambda x, t: REDUCTIONS[reduction](oracle(np.abs(x - t))),
        )

    return case


def binary_cross_entropy_with_logits(draw: Draw) -> Case:
    x = numbers(draw, shape(draw), (-4, 4))
    target = numbers(draw, x.shape, (0.1, 0.9))
    last = x.shape[-1:]
    weights = {
        name: draw(st.sampled_from([None, seeded(draw).uniform(0.5, 2, size)]))
        for name, size in (("weight", x.shape), ("pos_weight", last))
    }
    reduction = draw(st.sampled_from(list(REDUCTIONS)))
    w, v = (1.0 if weight is None else weight for weight in weights.values())

    def oracle(x: Array, t: Array) -> Any:
        p = 1 / (1 + np.exp(-x))
        return REDUCTIONS[reduction](-w * (v * t * np.log(p) + (1 - t) * np.log(1 - p)))

    op = ops.binary_cross_entropy_with_logits
    return ([x, target], lambda x, t: op(x, t, reduction, **weights), oracle)


def classes(draw: Draw) -> tuple[tuple[int, ...], Array]:
    """A shape (N, C, ...) of scores, and class indices (N, ...)."""
    n, c, *rest = draw(st.integers(1, 3)), draw(st.integers(1, 4)), *shape(draw, 0, 2)
    return (n, c, *rest), seeded(draw).integers(0, c, (n, *rest))


def true_scores(scores: Array, target: Array) -> Array:
    return np.take_along_axis(scores, target[:, None], 1)  # (N, 1, ...)


def cross_entropy(draw: Draw) -> Case:
    size, target = classes(draw)
    p = lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)  # noqa: E731
    return (
        [numbers(draw, size)],
        lambda x: ops.cross_entropy(x, target),
        lambda x: -np.log(true_scores(p(x), target)).mean(),
    )


def nll_loss(draw: Draw) -> Case:
    size, target = classes(draw)
    reduction = draw(st.sampled_from(list(REDUCTIONS)))
    return (
        [numbers(draw, size)],
        lambda x: ops.nll_loss(x, target, reduction),
        lambda x: REDUCTIONS[reduction](-true_scores(x, target)[:, 0]),
    )


def hinge_loss(draw: Draw) -> Case:
    """Logits near multiples of 1/2, and margins halfway between."""
    size, target = classes(draw)
    rng = seeded(draw)
    logits = rng.integers(-4, 4, size) / 2 + rng.uniform(-0.05, 0.05, size)
    reduction = draw(st.sampled_from(list(REDUCTIONS)))
    p, margin = draw(st.integers(1, 2)), draw(st.sampled_from([0.25, 0.75, 1.25]))

    def oracle(x: Array) -> Any:
        losses = np.zeros(target.shape)
        for n, *place in np.ndindex(*target.shape):
            row, true = x[(n, slice(None), *place)], target[(n, *place)]
            gaps = [max(0.0, margin - row[true] + row[c]) for c in range(len(row)) if c != true]
            losses[(n, *place)] = sum(gap**p for gap in gaps) / len(row)
        return REDUCTIONS[reduction](losses)

    return (
        [mc.Tensor(logits, requires_grad=True)],
        lambda x: ops.hinge_loss(x, target, reduction, p, margin),
        oracle,
    )


def huber(distance: Array, delta: float = 0.6) -> Array:
    return np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))


CASES: dict[str, Callable[[Draw], Case]] = {
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cross_entropy": cross_entropy,
    "hinge_loss": hinge_loss,
    "huber_loss": elementwise(lambda x, t, r: ops.huber_loss(x, t, r, 0.6), huber, (0.3, 1.2)),
    "l1_loss": elementwise(ops.l1_loss, lambda distance: distance, (0.2, 1.0)),
    "mse_loss": elementwise(ops.mse_loss, np.square, (0.0, 0.2, 1.0)),
    "nll_loss": nll_loss,
}

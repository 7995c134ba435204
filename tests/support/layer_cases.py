"""The cases of pooling by regions, normalisation and dropout for test_every_op.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.testing import strategies

from .image_cases import Array, Case, Draw, loop_pool, numbers

SIDES = st.integers(1, 4)


def images(draw: Draw, most: int = 5) -> mc.Tensor:
    return draw(strategies.images(min_batch=0, max_size=most))


def min_pool2d(draw: Draw) -> Case:
    x, kernel, options = draw(strategies.pool2d_cases(max_size=5, min_batch=0))
    smallest = lambda taps, *_: taps.min(0)  # noqa: E731
    return (
        [x],
        lambda x: ops.min_pool2d(x, kernel, **options),
        lambda x: loop_pool(smallest, x, kernel, options),
    )


def lp_pool2d(draw: Draw) -> Case:
    # PyTorch's rule for windows that ceil_mode cuts short is tested in test_torch.py.
    cases = strategies.pool2d_cases(max_size=5, dilation=False, min_batch=0, ceil_mode=False)
    x, kernel, options = draw(cases)
    p = draw(st.sampled_from([1, 2, 3, 4, 2.5]))
    x = away_from_zero(x if p in (2, 4) else abs(x))
    norm = lambda taps, *_: (taps**p).sum(0) ** (1 / p)  # noqa: E731
    return (
        [x],
        lambda x: ops.lp_pool2d(x, p, kernel, **options),
        lambda x: loop_pool(norm, x, kernel, options),
    )


def away_from_zero(x: mc.Tensor) -> mc.Tensor:
    """A window of zeros has no slope."""
    return mc.Tensor(np.where(np.abs(x.data) < 0.1, 0.3, x.data), requires_grad=True)


def whole(name: str, oracle: Any) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        keep, op = draw(st.booleans()), getattr(ops, name)
        return (
            [images(draw)],
            lambda x: op(x, keep),
            lambda x: oracle(x, axis=(2, 3), keepdims=keep),
        )

    return case


def adaptive(name: str, oracle: Any) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x, op = images(draw), getattr(ops, name)
        size = draw(st.one_of(SIDES, st.tuples(SIDES, SIDES), st.just((None, 3))))
        both = size if isinstance(size, tuple) else (size, size)
        outputs = [n if o is None else o for n, o in zip(x.shape[2:], both, strict=True)]

        def loops(x: Array) -> Array:
            y = np.empty((*x.shape[:2], *outputs))
            for place in np.ndindex(*outputs):
                (top, bottom), (left, right) = (
                    (math.floor(i * n / o), math.ceil((i + 1) * n / o))
                    for i, n, o in zip(place, x.shape[2:], outputs, strict=True)
                )
                y[:, :, place[0], place[1]] = oracle(x[:, :, top:bottom, left:right], axis=(2, 3))
            return y

        return [x], lambda x: op(x, size), loops

    return case


def max_unpool2d(draw: Draw) -> Case:
    """Indices of overlapping windows, in which an index may come twice."""
    x, kernel, options = draw(strategies.pool2d_cases(max_size=4, dilation=False, min_batch=0))
    _, indices = ops.max_pool2d(x, kernel, **options, return_indices=True)
    size = x.shape[2:]

    def loops(values: Array) -> Array:
        y = np.zeros(x.shape)
        for n, c, i, j in np.ndindex(*values.shape):
            at = int(indices.data[n, c, i, j])
            y[n, c, at // size[1], at % size[1]] = values[n, c, i, j]
        return y

    return (
        [numbers(draw, indices.shape)],
        lambda v: ops.max_unpool2d(v, indices.to(v.device), kernel, output_size=size),
        loops,
    )


def batch_norm(draw: Draw) -> Case:
    n, c, rest = draw(st.integers(2, 4)), draw(SIDES), draw(st.lists(SIDES, max_size=2))
    training, eps = draw(st.booleans()), draw(st.sampled_from([1e-5, 0.5]))
    mean, var = np.linspace(-1, 1, c), np.linspace(0.5, 2, c)
    beside = (c, *[1] * len(rest))

    def op(x: mc.Tensor, *affine: mc.Tensor) -> mc.Tensor:
        stored = [mc.tensor(v, x.dtype, x.device) for v in (mean, var)]
        return ops.batch_norm(x, *stored, *affine, training=training, eps=eps)

    def formula(x: Array, weight: Array | float = 1.0, bias: Array | float = 0.0) -> Array:
        axes = (0, *range(2, x.ndim))
        m, v = mean.reshape(beside), var.reshape(beside)
        if training:
            m, v = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        w, b = (np.reshape(a, beside) if np.ndim(a) else a for a in (weight, bias))
        return (x - m) / np.sqrt(v + eps) * w + b

    inputs = [numbers(draw, (n, c, *rest)), numbers(draw, (c,)), numbers(draw, (c,))]
    return inputs[: draw(st.integers(1, 3))], op, formula


def layer_norm(draw: Draw) -> Case:
    lead, rest = draw(st.lists(SIDES, max_size=2)), draw(st.lists(SIDES, max_size=1))
    shape = (*rest, draw(st.integers(2, 4)))
    axes = tuple(range(-len(shape), 0))

    def formula(x: Array, weight: Array | float = 1.0, bias: Array | float = 0.0) -> Array:
        deviation = x - x.mean(axes, keepdims=True)
        return deviation / np.sqrt(x.var(axes, keepdims=True) + 0.1) * weight + bias

    inputs = [numbers(draw, (*lead, *shape)), numbers(draw, shape), numbers(draw, shape)]
    op = lambda x, *affine: ops.layer_norm(x, shape, *affine, eps=0.1)  # noqa: E731
    return inputs[: draw(st.integers(1, 3))], op, formula


def local_response_norm(draw: Draw) -> Case:
    size, alpha = draw(st.integers(1, 7)), draw(st.sampled_from([1e-4, 0.5]))
    beta, k = draw(st.sampled_from([0.5, 0.75])), draw(st.sampled_from([1.0, 2.0]))

    def loops(x: Array) -> Array:
        y = np.empty(x.shape)
        for c in range(x.shape[1]):
            near = range(max(0, c - size // 2), min(x.shape[1], c + (size - 1) // 2 + 1))
            activity = sum(x[:, other] ** 2 for other in near)
            y[:, c] = x[:, c] / (k + alpha / size * activity) ** beta
        return y

    return [images(draw)], lambda x: ops.local_response_norm(x, size, alpha, beta, k), loops


def dropped(name: str, maps: bool) -> Callable[[Draw], Case]:
    """The same seed drops the same elements; the oracle reads from ones which these are."""

    def case(draw: Draw) -> Case:
        shape = images(draw).shape
        shape = shape if maps else shape[: draw(st.integers(0, 4))]
        p, seed, op = (
            draw(st.sampled_from([0.0, 0.4, 1.0])),
            draw(st.integers(0, 99)),
            getattr(ops, name),
        )

        def seeded(x: mc.Tensor) -> mc.Tensor:
            mc.manual_seed(seed)
            return op(x, p)

        kept = seeded(mc.Tensor(np.ones(shape))).numpy() != 0
        scale = 1 / (1 - p) if p < 1 else 0.0
        return [numbers(draw, shape)], seeded, lambda x: x * kept * scale

    return case


CASES: dict[str, Callable[[Draw], Case]] = {
    "adaptive_avg_pool2d": adaptive("adaptive_avg_pool2d", np.mean),
    "adaptive_max_pool2d": adaptive("adaptive_max_pool2d", np.max),
    "batch_norm": batch_norm,
    "dropout": dropped("dropout", maps=False),
    "dropout2d": dropped("dropout2d", maps=True),
    "global_avg_pool2d": whole("global_avg_pool2d", np.mean),
    "global_max_pool2d": whole("global_max_pool2d", np.max),
    "global_min_pool2d": whole("global_min_pool2d", np.min),
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
    "lp_pool2d": lp_pool2d,
    "max_unpool2d": max_unpool2d,
    "min_pool2d": min_pool2d,
}

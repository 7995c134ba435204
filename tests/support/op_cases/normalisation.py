"""Normalisation and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.testing import strategies

from .case import SIDES, Array, Call, Draw, F, OpCase, Shape, as_torch, numbers, shape_of, torch


def affine(draw: Draw, x: mc.Tensor, shape: Shape) -> list[mc.Tensor]:
    """The inputs of a normalisation: only x, x with a weight, or x with a weight and a bias."""
    inputs = [x, numbers(draw, shape), numbers(draw, shape)]
    return inputs[: draw(st.integers(1, 3))]


def batch_norm(draw: Draw) -> Call:
    n, c, rest = draw(st.integers(2, 4)), draw(SIDES), shape_of(draw, 0, 2)
    running = {
        "running_mean": numbers(draw, (c,)).data.copy(),
        "running_var": numbers(draw, (c,), (0.1, 2)).data.copy(),
    }
    options = {"training": draw(st.booleans()), "eps": draw(st.sampled_from([1e-5, 0.1]))}
    return affine(draw, numbers(draw, (n, c, *rest)), (c,)), {**running, **options}


def batch_norm_of_arrays(
    x: mc.Tensor,
    *affine: mc.Tensor,
    running_mean: Array,
    running_var: Array,
    **options: Any,
) -> mc.Tensor:
    """Training updates the running statistics, so every call gets its own."""
    running = [mc.tensor(v, x.dtype, x.device) for v in (running_mean, running_var)]
    return ops.batch_norm(x, *running, *affine, **options)


def batch_norm_formula(
    x: Array,
    weight: Array | float = 1.0,
    bias: Array | float = 0.0,
    *,
    running_mean: Array,
    running_var: Array,
    training: bool,
    eps: float,
) -> Array:
    axes, per_channel = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    mean, var = running_mean.reshape(per_channel), running_var.reshape(per_channel)
    if training:
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    w, b = (np.reshape(a, per_channel) if np.ndim(a) else a for a in (weight, bias))
    return (x - mean) / np.sqrt(var + eps) * w + b


def batch_norm_in_torch(
    x: Any, *affine: Any, running_mean: Array, running_var: Array, **options: Any
) -> Any:
    return F.batch_norm(x, as_torch(running_mean), as_torch(running_var), *affine, **options)


def layer_norm(draw: Draw) -> Call:
    shape = (*shape_of(draw, 0, 1), draw(st.integers(2, 4)))
    x = numbers(draw, (*shape_of(draw, 0, 2), *shape))
    options = {"normalized_shape": shape, "eps": draw(st.sampled_from([1e-5, 0.1]))}
    return affine(draw, x, shape), options


def layer_norm_formula(
    x: Array,
    weight: Array | float = 1.0,
    bias: Array | float = 0.0,
    *,
    normalized_shape: Shape,
    eps: float,
) -> Array:
    axes = tuple(range(-len(normalized_shape), 0))
    deviation = x - x.mean(axes, keepdims=True)
    return deviation / np.sqrt(x.var(axes, keepdims=True) + eps) * weight + bias


def local_response_norm(draw: Draw) -> Call:
    x = draw(strategies.images(min_batch=0, max_size=5, max_channels=6))
    choices = {"size": range(1, 8), "alpha": [1e-4, 0.5], "beta": [0.5, 0.75], "k": [1.0, 2.0]}
    return [x], {name: draw(st.sampled_from(values)) for name, values in choices.items()}


def loop_local_response_norm(x: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    y = np.empty(x.shape)
    for c in range(x.shape[1]):
        near = range(max(0, c - size // 2), min(x.shape[1], c + (size - 1) // 2 + 1))
        activity = sum(x[:, other] ** 2 for other in near)
        y[:, c] = x[:, c] / (k + alpha / size * activity) ** beta
    return y


def dropout(name: str, whole_maps: bool) -> OpCase:
    """The same seed drops the same elements, which the call of ones shows."""

    def draw_call(draw: Draw) -> Call:
        shape = draw(strategies.images(min_batch=0, max_size=6)).shape
        shape = shape if whole_maps else shape[: draw(st.integers(0, 4))]
        p, seed = draw(st.sampled_from([0.0, 0.3, 0.4, 1.0])), draw(st.integers(0, 99))
        return [numbers(draw, shape)], {"p": p, "seed": seed}

    def seeded(x: mc.Tensor, p: float, seed: int) -> mc.Tensor:
        mc.manual_seed(seed)
        return getattr(ops, name)(x, p)

    def mask(shape: Any, p: float, seed: int) -> Array:
        return seeded(mc.Tensor(np.ones(tuple(shape))), p, seed).numpy() != 0

    def oracle(x: Array, p: float, seed: int) -> Array:
        return np.where(mask(x.shape, p, seed), x / (1 - p) if p < 1 else x, 0.0)

    def twin(x: Any, p: float, seed: int) -> Any:
        chosen = torch.tensor(mask(x.shape, p, seed))
        return torch.where(chosen, x / (1 - p) if p < 1 else x, 0.0 * x)

    return OpCase(name, draw_call, oracle, twin, ours=seeded)


CASES = [
    OpCase(
        "batch_norm",
        batch_norm,
        batch_norm_formula,
        batch_norm_in_torch,
        ours=batch_norm_of_arrays,
    ),
    dropout("dropout", whole_maps=False),
    dropout("dropout2d", whole_maps=True),
    OpCase(
        "layer_norm",
        layer_norm,
        layer_norm_formula,
        lambda x, *affine, normalized_shape, eps: F.layer_norm(
            x, normalized_shape, *affine, eps=eps
        ),
        ours=lambda x, *affine, normalized_shape, eps: ops.layer_norm(
            x, normalized_shape, *affine, eps=eps
        ),
    ),
    OpCase(
        "local_response_norm",
        local_response_norm,
        loop_local_response_norm,
        F.local_response_norm,
    ),
]

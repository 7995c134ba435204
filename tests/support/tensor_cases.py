"""The cases of joining, choosing and einsum for test_every_op.py, with NumPy as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops

from .image_cases import numbers

Draw = st.DrawFn
Case = tuple[list[mc.Tensor], Callable[..., mc.Tensor], Callable[..., Any]]


def shape_of(draw: Draw, least: int, most: int = 4) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(1, 4), min_size=least, max_size=most)))


def part_of(draw: Draw, full: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to the full one."""
    kept = tuple(1 if draw(st.booleans()) else n for n in full)
    return kept[draw(st.integers(0, len(full))) :]


def concatenate(draw: Draw) -> Case:
    shape = shape_of(draw, 1)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    at = axis % len(shape)
    inputs = [numbers(draw, (*shape[:at], n, *shape[at + 1 :])) for n in lengths]
    return (
        inputs,
        lambda *tensors: ops.concatenate(tensors, axis),
        lambda *arrays: np.concatenate(arrays, axis),
    )


def stack(draw: Draw) -> Case:
    shape = shape_of(draw, 0, 3)
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    inputs = [numbers(draw, shape) for _ in range(draw(st.integers(1, 4)))]
    return (
        inputs,
        lambda *tensors: ops.stack(tensors, axis),
        lambda *arrays: np.stack(arrays, axis),
    )


def split(draw: Draw) -> Case:
    shape = shape_of(draw, 1)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    n = shape[axis]
    if draw(st.booleans()):
        size: Any = draw(st.integers(1, n + 1))
        cuts = list(range(size, n, size))
    else:
        cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
        size = np.diff([0, *cuts, n]).tolist()
    k = draw(st.integers(0, len(cuts)))
    return (
        [numbers(draw, shape)],
        lambda x: ops.split(x, size, axis)[k],
        lambda x: np.split(x, cuts, axis)[k],
    )


def where(draw: Draw) -> Case:
    full = shape_of(draw, 0)
    condition = np.random.default_rng(draw(st.integers(0, 99))).random(part_of(draw, full)) < 0.5
    return (
        [numbers(draw, part_of(draw, full)) for _ in range(2)],
        lambda a, b: ops.where(condition, a, b),
        lambda a, b: np.where(condition, a, b),
    )


def larger_or_smaller(op: Any, oracle: Any) -> Callable[[Draw], Case]:
    """Numbers on two grids, since maximum is not smooth where both are equal."""

    def case(draw: Draw) -> Case:
        full = shape_of(draw, 0)
        grids = (0.0, 0.05)
        inputs = [np.round(numbers(draw, part_of(draw, full)).data, 1) + grid for grid in grids]
        return ([mc.Tensor(x, requires_grad=True) for x in inputs], op, oracle)

    return case


EQUATIONS = [
    "i,i->i", "ij,jk->ik", "ij,jk", "ij->ji", "ij->", "ij->i", "ii->", "ii", "ii->i", "iji->j",
    "iij,jk->ik", "ij,kl->li", "i,j->ij", "bij,bkj->bik", "ij,ij,ij->j", "ij,jk,kl->il",
    "...ij,...jk->...ik", "i...->...i", "...ii->...", "...i,i", "i...,...j->ij...", " i j -> j ",
    "...,...", ",ij->ij", "Ab,bA->", "ijk,k->ij",
]  # fmt: skip


def einsum(draw: Draw) -> Case:
    equation = draw(st.sampled_from(EQUATIONS))
    lengths = {letter: draw(st.integers(1, 3)) for letter in equation if letter.isalpha()}
    dots = shape_of(draw, 0, 2)
    inputs = []
    for term in equation.replace(" ", "").partition("->")[0].split(","):
        left, marks, right = term.partition("...")
        hidden = part_of(draw, dots) if marks else ()
        shape = (*[lengths[a] for a in left], *hidden, *[lengths[a] for a in right])
        inputs.append(numbers(draw, shape))
    return (
        inputs,
        lambda *tensors: ops.einsum(equation, *tensors),
        lambda *arrays: np.einsum(equation, *arrays),
    )


CASES: dict[str, Callable[[Draw], Case]] = {
    "concatenate": concatenate,
    "einsum": einsum,
    "maximum": larger_or_smaller(ops.maximum, np.maximum),
    "minimum": larger_or_smaller(ops.minimum, np.minimum),
    "split": split,
    "stack": stack,
    "where": where,
}

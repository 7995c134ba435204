"""Reductions, matrix products and einsum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minicnn import ops

from .case import SIDES, Call, Draw, F, OpCase, Shape, axis_of, numbers, part_of, shape_of, torch


def reduction(name: str, oracle: Any, twin: Any, least: int = 1) -> OpCase:
    """An op over one axis, several or all; ``least``: of how many elements."""

    def draw_call(draw: Draw) -> Call:
        shape = shape_of(draw, 1)
        axes = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1))
        axes = [a - len(shape) if draw(st.booleans()) else a for a in axes]
        axis = draw(st.sampled_from([None, axes[0], tuple(axes)]))
        reduced = np.array(shape)[list(axis) if isinstance(axis, tuple) else axis]
        if np.prod(shape if axis is None else reduced) < least:
            shape, axis = (*shape, 2), None
        return [numbers(draw, shape)], {"axis": axis, "keepdim": draw(st.booleans())}

    def twin_of_axes(x: Any, axis: Any, keepdim: bool) -> Any:
        return twin(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdim)

    return OpCase(
        name,
        draw_call,
        lambda x, axis, keepdim: oracle(x, axis=axis, keepdims=keepdim),
        twin_of_axes,
    )


def position(name: str, oracle: Any, twin: Any) -> OpCase:
    """argmax and argmin."""

    def draw_call(draw: Draw) -> Call:
        shape = shape_of(draw, 1)
        axis = draw(st.sampled_from([None, axis_of(draw, shape)]))
        return [numbers(draw, shape)], {"axis": axis, "keepdim": draw(st.booleans())}

    return OpCase(
        name,
        draw_call,
        lambda x, axis, keepdim: oracle(x, axis=axis, keepdims=keepdim),
        lambda x, axis, keepdim: twin(x, dim=axis, keepdim=keepdim),
        differentiable=False,
    )


def matmul(draw: Draw) -> Call:
    n, k, m = (draw(SIDES) for _ in range(3))
    lead = draw(st.sampled_from([((), ()), ((2,), (2,)), ((2,), (1,)), ((), (3,)), ((2, 1), (3,))]))
    a = draw(st.sampled_from([(*lead[0], n, k), (k,)]))
    b = draw(st.sampled_from([(*lead[1], k, m), (k,)]))
    return [numbers(draw, a), numbers(draw, b)], {}


def linear(draw: Draw) -> Call:
    lead, i, o = shape_of(draw, 0, 3), draw(SIDES), draw(SIDES)
    inputs = [numbers(draw, (*lead, i)), numbers(draw, (o, i)), numbers(draw, (o,))]
    return inputs[: draw(st.integers(2, 3))], {}


EQUATIONS = [
    "i,i->i", "ij,jk->ik", "ij,jk", "ij->ji", "ij->", "ij->i", "ii->", "ii", "ii->i", "iji->j",
    "iij,jk->ik", "ij,kl->li", "i,j->ij", "bij,bkj->bik", "ij,ij,ij->j", "ij,jk,kl->il",
    "...ij,...jk->...ik", "i...->...i", "...ii->...", "...i,i", "i...,...j->ij...", " i j -> j ",
    "...,...", ",ij->ij", "Ab,bA->", "ijk,k->ij", "nchw,ocij->no", "bij,bjk->bik", "i,i,i",
    "...i,ij->...j", "ijj->ij",
]  # fmt: skip


def einsum(draw: Draw) -> Call:
    equation = draw(st.sampled_from(EQUATIONS))
    lengths = {letter: draw(st.integers(1, 3)) for letter in equation if letter.isalpha()}
    dots = shape_of(draw, 0, 2)
    inputs = [numbers(draw, shape) for shape in _operand_shapes(draw, equation, lengths, dots)]
    return inputs, {"equation": equation}


def _operand_shapes(
    draw: Draw, equation: str, lengths: dict[str, int], dots: Shape
) -> Iterator[Shape]:
    for term in equation.replace(" ", "").partition("->")[0].split(","):
        left, marks, right = term.partition("...")
        hidden = part_of(draw, dots) if marks else ()
        yield (*[lengths[a] for a in left], *hidden, *[lengths[a] for a in right])


CASES = [
    # reduce
    position("argmax", np.argmax, torch.argmax),
    position("argmin", np.argmin, torch.argmin),
    reduction("max", np.max, torch.amax),
    reduction("mean", np.mean, torch.mean),
    reduction("min", np.min, torch.amin),
    reduction("sum", np.sum, torch.sum),
    reduction("var", lambda x, **options: np.var(x, ddof=1, **options), torch.var, least=2),
    # products
    OpCase(
        "einsum",
        einsum,
        lambda *arrays, equation: np.einsum(equation, *arrays),
        lambda *tensors, equation: torch.einsum(equation, *tensors),
        ours=lambda *tensors, equation: ops.einsum(equation, *tensors),
    ),
    OpCase("linear", linear, lambda x, weight, bias=0: x @ weight.T + bias, F.linear),
    OpCase("matmul", matmul, np.matmul, torch.matmul),
]

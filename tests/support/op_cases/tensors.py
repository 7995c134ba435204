"""Ops that move, join and choose elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops

from .case import (
    SIDES,
    Array,
    Call,
    Draw,
    OpCase,
    Shape,
    as_torch,
    axis_of,
    numbers,
    part_of,
    shape_of,
    torch,
)


def with_options(
    options_for: Callable[[Draw, Shape], dict[str, Any]], least: int = 0
) -> Callable[[Draw], Call]:
    """One tensor, and options that are drawn for its shape."""

    def draw_call(draw: Draw) -> Call:
        shape = shape_of(draw, least)
        return [numbers(draw, shape)], options_for(draw, shape)

    return draw_call


def new_shape(draw: Draw, shape: Shape) -> dict[str, Any]:
    size = math.prod(shape)
    divisor = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
    forms = [(-1, divisor), ((-1, divisor),), (size // divisor, divisor), (size,), ([size, 1],)]
    return {"shape": draw(st.sampled_from(forms))}


def index(draw: Draw, shape: Shape) -> dict[str, Any]:
    n = shape[0]
    entries = st.integers(-n, n - 1)
    kinds: list[Any] = [
        entries, st.lists(entries, min_size=1, max_size=5).map(np.array), st.slices(n),
        st.just(...), st.just((None, ...)), st.tuples(st.slices(n), st.just(...)),
        st.just(np.arange(n) % 2 == 0), st.lists(entries, min_size=1, max_size=3),
        st.just((None, ..., 0)),
    ]  # fmt: skip
    return {"index": draw(st.one_of(kinds))}


def getitem_in_torch(x: Any, index: Any) -> Any:
    """PyTorch has no slices with a negative step and takes no arrays of NumPy."""

    def known(entry: Any) -> Any:
        if isinstance(entry, slice) and (entry.step or 1) < 0:
            return torch.tensor(np.arange(len(x))[entry].copy())
        return torch.tensor(entry) if isinstance(entry, np.ndarray) else entry

    return x[tuple(map(known, index)) if isinstance(index, tuple) else known(index)]


def larger(draw: Draw, shape: Shape) -> dict[str, Any]:
    return {"shape": (*shape_of(draw, 0, 2), *[draw(SIDES) if n == 1 else n for n in shape])}


def sum_to(x: Array, shape: Shape) -> Array:
    total = np.zeros(shape)
    for position in np.ndindex(*x.shape):
        tail = position[x.ndim - len(shape) :]
        total[tuple(0 if n == 1 else i for i, n in zip(tail, shape, strict=True))] += x[position]
    return total


def axes_in_any_order(draw: Draw, shape: Shape) -> dict[str, Any]:
    n = len(shape)
    axes = draw(st.permutations(range(n)))
    return {"axes": tuple(axis - draw(st.sampled_from([0, n])) for axis in axes)}


def concatenate(draw: Draw) -> Call:
    shape = shape_of(draw, 1)
    axis = axis_of(draw, shape)
    at = axis % len(shape)
    lengths = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    return [numbers(draw, (*shape[:at], n, *shape[at + 1 :])) for n in lengths], {"axis": axis}


def stack(draw: Draw) -> Call:
    shape = shape_of(draw, 0, 3)
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return [numbers(draw, shape) for _ in range(draw(st.integers(1, 4)))], {"axis": axis}


def split(draw: Draw) -> Call:
    """All pieces, or one of them, so that the others have no gradient."""
    shape = shape_of(draw, 1)
    axis = axis_of(draw, shape)
    n = shape[axis]
    if draw(st.booleans()):
        size: Any = draw(st.integers(1, n + 1))
    else:
        cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
        size = np.diff([0, *cuts, n]).tolist()
    pieces = math.ceil(n / size) if isinstance(size, int) else len(size)
    piece = draw(st.sampled_from([slice(None), *range(pieces)]))
    return [numbers(draw, shape)], {"size": size, "axis": axis, "piece": piece}


def split_in_numpy(x: Array, size: Any, axis: int, piece: Any) -> Any:
    n = x.shape[axis]
    cuts = list(range(size, n, size)) if isinstance(size, int) else np.cumsum(size)[:-1]
    return tuple(np.split(x, cuts, axis))[piece]


def where(draw: Draw) -> Call:
    full = shape_of(draw)
    condition = np.random.default_rng(draw(st.integers(0, 99))).random(part_of(draw, full)) < 0.5
    inputs = [numbers(draw, part_of(draw, full)) for _ in range(2)]
    return inputs, {"condition": condition}


def on_two_grids(draw: Draw) -> Call:
    """Two tensors without equal numbers, where maximum and minimum are not smooth."""
    full = shape_of(draw)
    grids = (0.0, 0.05)
    inputs = [np.round(numbers(draw, part_of(draw, full)).data, 1) + grid for grid in grids]
    return [mc.Tensor(x, requires_grad=True) for x in inputs], {}


def limits(draw: Draw) -> Call:
    low, high = draw(st.sampled_from([(-1, 1), (None, 0.5), (0.2, None)]))
    return [numbers(draw, shape_of(draw))], {"low": low, "high": high}


CASES = [
    # shape
    OpCase(
        "broadcast_to",
        with_options(larger),
        np.broadcast_to,
        lambda x, shape: torch.broadcast_to(x, shape),
    ),
    OpCase(
        "flatten",
        with_options(lambda draw, shape: {"start_axis": axis_of(draw, shape)}, 1),
        lambda x, start_axis: x.reshape(*x.shape[: start_axis % x.ndim], -1),
        lambda x, start_axis: torch.flatten(x, start_axis),
    ),
    OpCase("getitem", with_options(index, 1), lambda x, index: x[index], getitem_in_torch),
    OpCase(
        "permute",
        with_options(axes_in_any_order),
        lambda x, axes: x.transpose(axes),
        lambda x, axes: torch.permute(x, axes),
        ours=lambda x, axes: ops.permute(x, *axes),
    ),
    OpCase(
        "reshape",
        with_options(new_shape),
        lambda x, shape: x.reshape(*shape),
        lambda x, shape: x.reshape(*shape),
        ours=lambda x, shape: ops.reshape(x, *shape),
    ),
    OpCase(
        "sum_to",
        with_options(lambda draw, shape: {"shape": part_of(draw, shape)}),
        sum_to,
        lambda x, shape: x.sum_to_size(shape),
    ),
    OpCase(
        "transpose",
        with_options(
            lambda draw, shape: {"axis0": axis_of(draw, shape), "axis1": axis_of(draw, shape)}, 1
        ),
        lambda x, axis0, axis1: np.swapaxes(x, axis0, axis1),
        lambda x, axis0, axis1: torch.transpose(x, axis0, axis1),
    ),
    # join
    OpCase(
        "concatenate",
        concatenate,
        lambda *arrays, axis: np.concatenate(arrays, axis),
        lambda *tensors, axis: torch.cat(tensors, dim=axis),
        ours=lambda *tensors, axis: ops.concatenate(tensors, axis),
    ),
    OpCase(
        "split",
        split,
        split_in_numpy,
        lambda x, size, axis, piece: torch.split(x, size, axis)[piece],
        ours=lambda x, size, axis, piece: ops.split(x, size, axis)[piece],
    ),
    OpCase(
        "stack",
        stack,
        lambda *arrays, axis: np.stack(arrays, axis),
        lambda *tensors, axis: torch.stack(tensors, dim=axis),
        ours=lambda *tensors, axis: ops.stack(tensors, axis),
    ),
    # select
    OpCase(
        "clip",
        limits,
        lambda x, low, high: np.clip(x, low, high),
        lambda x, low, high: torch.clip(x, low, high),
    ),
    OpCase("maximum", on_two_grids, np.maximum, torch.maximum),
    OpCase("minimum", on_two_grids, np.minimum, torch.minimum),
    OpCase(
        "where",
        where,
        lambda a, b, condition: np.where(condition, a, b),
        lambda a, b, condition: torch.where(as_torch(condition), a, b),
        ours=lambda a, b, condition: ops.where(condition, a, b),
    ),
]

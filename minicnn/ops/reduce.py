"""Reductions: many elements to one, over all axes or some."""

from __future__ import annotations

import math

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.layout import as_chwn, in_storage_order
from .check import check_axis, check_tensor
from .select import keep
from .shape import broadcast_to, reshape

Axis = int | tuple[int, ...] | None


class Sum(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, axes: tuple[int, ...], keepdim: bool) -> Array:
        self.axes = axes
        if axes == (0, 2, 3) and x.ndim == 4 and x.dtype.kind == "f":
            totals = kernels_for(x).sum_per_channel(as_chwn(x))  # (C,)
            return totals.reshape(1, -1, 1, 1) if keepdim else totals
        return x.sum(axes, keepdims=keepdim)

    def backward(self, grad: Tensor) -> Tensor:
        (shape,) = self.shapes
        if grad.ndim not in (0, len(shape)):
            grad = reshape(grad, tuple(1 if i in self.axes else n for i, n in enumerate(shape)))
        return broadcast_to(grad, shape)


def sum(x: Tensor, axis: Axis = None, keepdim: bool = False) -> Tensor:
    """The sum over one axis, several, or (None) all; keepdim leaves them with length 1.

    Raises ValueError for an axis that x does not have or that is named twice.
    """
    return Sum.apply(x, axes=_axes("sum", x, axis), keepdim=bool(keepdim))


def mean(x: Tensor, axis: Axis = None, keepdim: bool = False) -> Tensor:
    """The mean over one axis, several, or all. Raises ValueError for a mean over no elements."""
    return sum(x, axis, keepdim) / _count(x, axis, "mean", least=1)


def var(x: Tensor, axis: Axis = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The variance: sum((x - mean) ** 2) / (n - correction).

    correction = 1 (PyTorch's default) is the unbiased estimate from a sample, 0 the variance of the
    elements themselves. Raises ValueError when n - correction is not positive.
    """
    n = _count(x, axis, "var", least=correction + 1)
    deviation = x - mean(x, axis, keepdim=True)
    return sum(deviation * deviation, axis, keepdim) / (n - correction)


class Max(Function):
    keeps = "both"

    def forward(self, x: Array, *, axes: tuple[int, ...]) -> Array:
        self.axes = axes
        return x.max(axes, keepdims=True)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        wins = in_storage_order(_can_win, [x.data, self._output_data])
        return keep(broadcast_to(grad, x.shape), _first(wins, self.axes))


class Min(Max):
    def forward(self, x: Array, *, axes: tuple[int, ...]) -> Array:
        self.axes = axes
        return x.min(axes, keepdims=True)


def _can_win(x: Array, y: Array) -> Array:
    return (x == y) | (x != x)  # NaN equals nothing


def _first(candidates: Array, axes: tuple[int, ...]) -> Array:
    """Whether an element is the first candidate in row order over the axes; stored as they are."""
    xp, shape = array_module(candidates), candidates.shape
    if xp.count_nonzero(candidates) * math.prod(shape[a] for a in axes) == candidates.size:
        return candidates  # one in each: there are no ties
    one = tuple(1 if i in axes else n for i, n in enumerate(shape))  # (.., 1, ..)
    count = math.prod(shape[a] for a in axes)
    moved = xp.moveaxis(candidates, axes, range(-len(axes), 0))  # (kept axes, reduced axes)
    flat = moved.reshape(*[n for i, n in enumerate(shape) if i not in axes], count)
    winner = flat.argmax(-1).reshape(one)
    place = xp.arange(count).reshape([n if i in axes else 1 for i, n in enumerate(shape)])
    return xp.equal(place, winner, out=xp.empty_like(candidates))


def max(x: Tensor, axis: Axis = None, keepdim: bool = False) -> Tensor:
    """The largest element over one axis, several, or all; NaN wins over everything.

    On ties the first in row order takes the gradient. Unlike PyTorch's max over one axis, no
    indices are returned. Raises ValueError for a maximum over no elements.
    """
    axes = _axes("max", x, axis)
    _count(x, axis, "max", least=1)
    return _drop(Max.apply(x, axes=axes), axes, keepdim)


def min(x: Tensor, axis: Axis = None, keepdim: bool = False) -> Tensor:
    """The smallest element, with the same rules as ``max``."""
    axes = _axes("min", x, axis)
    _count(x, axis, "min", least=1)
    return _drop(Min.apply(x, axes=axes), axes, keepdim)


def argmax(x: Tensor, axis: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest element stands along an axis, or (None) in the flattened tensor: int64.

    The first in row order on ties; NaN counts as the largest. The result is outside the graph.
    Raises ValueError for an axis that x does not have, or one without elements.
    """
    return _place("argmax", x, axis, keepdim)


def argmin(x: Tensor, axis: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the smallest element stands, with the same rules as ``argmax``; NaN counts as it."""
    return _place("argmin", x, axis, keepdim)


def _place(op: str, x: Tensor, axis: int | None, keepdim: bool) -> Tensor:
    check_tensor(op, x=x)
    axis = None if axis is None else check_axis(op, x, axis)
    _count(x, axis, op, least=1)
    find = getattr(array_module(x.data), op)
    return Tensor(find(x.data, axis, keepdims=bool(keepdim)).astype(np.int64, copy=False))


def _axes(op: str, x: Tensor, axis: Axis) -> tuple[int, ...]:
    """The axes counted from the front, in order."""
    check_tensor(op, x=x)
    if axis is None:
        return tuple(range(x.ndim))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    if any(isinstance(a, bool) or not isinstance(a, int | np.integer) for a in given):
        raise TypeError(f"{op}: axis: got {axis!r}, expected an integer or several")
    if any(not -x.ndim <= a < x.ndim for a in given):
        raise ValueError(f"{op}: axis: got {axis}, but shape {x.shape} has {x.ndim} axes")
    axes = tuple(sorted(a % x.ndim for a in given))
    if len(set(axes)) < len(axes):
        raise ValueError(f"{op}: axis: got {axis} for {x.shape}, expected each axis once")
    return axes


def _drop(y: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    """The reduced axes removed, unless keepdim."""
    if keepdim or not axes:
        return y
    return reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in axes))


def _count(x: Tensor, axis: Axis, op: str, least: int) -> int:
    """How many elements one result is made of."""
    n = math.prod(x.shape[a] for a in _axes(op, x, axis))
    if n < least:
        raise ValueError(f"{op}: {n} elements to reduce in shape {x.shape}, {least} are needed")
    return n

"""Reductions: many elements to one, over all axes or some."""

from __future__ import annotations

import math

import numpy as np

from ..autograd import Function, Tensor
from ..autograd.on_device import on_device
from ..backend import Array, array_module, kernels_for
from ..backend.arrays import can_be_read, is_gpu_array
from ..backend.layout import as_chwn, in_storage_order, reduce_as_stored
from ..checks import check_integer
from .check import check_axes, check_axis
from .convert import in_float32
from .select import keep
from .shape import broadcast_to, reshape, sum_axes

Axes = tuple[int, ...]
AxisForm = int | Axes | None
"""Axes as users write them: one, several, or None for all."""


class Sum(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, axes: Axes, keepdim: bool) -> Array:
        if axes == (0, 2, 3) and x.ndim == 4 and x.dtype.char in "fd":
            totals = kernels_for(x).sum_per_channel(as_chwn(x))  # (C,)
            return totals.reshape(1, -1, 1, 1) if keepdim else totals
        return sum_axes(x, axes, keepdim)

    def backward(self, grad: Tensor) -> Tensor:
        (shape,) = self.shapes
        if grad.ndim not in (0, len(shape)):
            axes = self.options["axes"]
            grad = reshape(grad, tuple(1 if i in axes else n for i, n in enumerate(shape)))
        return broadcast_to(grad, shape)


def sum(x: Tensor, axis: AxisForm = None, keepdim: bool = False) -> Tensor:
    """The sum over one axis, several, or (None) all; keepdim leaves them with length 1.

    Raises ValueError for an axis that x does not have or that is named twice.

    >>> mc.ops.sum(mc.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """
    return Sum.apply(x, axes=check_axes("sum", x, axis), keepdim=bool(keepdim))


@in_float32
def mean(x: Tensor, axis: AxisForm = None, keepdim: bool = False) -> Tensor:
    """The mean over one axis, several, or all. Raises ValueError for a mean over no elements.

    >>> mc.ops.mean(mc.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    tensor([1.5, 3.5])
    """
    axes = check_axes("mean", x, axis)
    return sum(x, axes, keepdim) / _count_elements("mean", x, axes)


@in_float32
def var(x: Tensor, axis: AxisForm = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The variance: sum((x - mean) ** 2) / (n - correction).

    correction = 1 (PyTorch's default) is the unbiased estimate from a sample, 0 the variance of the
    elements themselves. Raises ValueError when n - correction is not positive, TypeError for a
    correction that is not an integer.

    >>> x = mc.tensor([1.0, 2.0, 3.0])
    >>> mc.ops.var(x).item(), mc.ops.var(mc.tensor([1.0, 3.0]), correction=0).item()
    (1.0, 1.0)
    """
    axes = check_axes("var", x, axis)
    correction = check_integer("var: correction", correction)
    n = _count_elements("var", x, axes, least=correction + 1)
    deviation = x - mean(x, axes, keepdim=True)
    # Divided before they are added: infinite only where the variance is.
    return sum(deviation * (deviation / (n - correction)), axes, keepdim)


class Max(Function):
    keeps = "both"

    def forward(self, x: Array, *, axes: Axes) -> Array:
        return reduce_as_stored(x, "max", axes, keepdims=True)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        candidates = in_storage_order(_may_win, [x.data, self.output.data])
        return keep(broadcast_to(grad, x.shape), _first_in_order(candidates, self.options["axes"]))


class Min(Max):
    def forward(self, x: Array, *, axes: Axes) -> Array:
        return reduce_as_stored(x, "min", axes, keepdims=True)


def _may_win(x: Array, y: Array) -> Array:
    return (x == y) | (x != x)  # NaN equals nothing


def _first_in_order(candidates: Array, axes: Axes) -> Array:
    """Whether an element is the first candidate in row order over the axes; stored as they are."""
    xp, shape = array_module(candidates), candidates.shape
    count = math.prod(shape[a] for a in axes)
    # To count them would wait for a GPU.
    if can_be_read(candidates) and xp.count_nonzero(candidates) * count == candidates.size:
        return candidates  # one in each: there are no ties
    one = tuple(1 if i in axes else n for i, n in enumerate(shape))  # (.., 1, ..)
    moved = xp.moveaxis(candidates, axes, range(-len(axes), 0))  # (other axes, reduced axes)
    flat = moved.reshape(*[n for i, n in enumerate(shape) if i not in axes], count)
    winner = flat.argmax(-1).reshape(one)
    position = xp.arange(count).reshape([n if i in axes else 1 for i, n in enumerate(shape)])
    return xp.equal(position, winner, out=xp.empty_like(candidates))


def max(x: Tensor, axis: AxisForm = None, keepdim: bool = False) -> Tensor:
    """The largest element over one axis, several, or all; NaN wins over everything.

    On ties the first in row order takes the gradient. Unlike PyTorch's max over one axis, no
    indices are returned. Raises ValueError for a maximum over no elements.

    >>> mc.ops.max(mc.tensor([[1.0, 5.0], [3.0, 2.0]]), axis=1)
    tensor([5., 3.])
    """
    return _extreme("max", Max, x, axis, keepdim)


def min(x: Tensor, axis: AxisForm = None, keepdim: bool = False) -> Tensor:
    """The smallest element, with the same rules as ``max``.

    >>> mc.ops.min(mc.tensor([[1.0, 5.0], [3.0, 2.0]]), axis=1)
    tensor([1., 2.])
    """
    return _extreme("min", Min, x, axis, keepdim)


def _extreme(op: str, function: type[Max], x: Tensor, axis: AxisForm, keepdim: bool) -> Tensor:
    axes = check_axes(op, x, axis)
    _count_elements(op, x, axes)
    y = function.apply(x, axes=axes)  # (.., 1, ..)
    if keepdim or not axes:
        return y
    return reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in axes))


def argmax(x: Tensor, axis: int | None = None, keepdim: bool = False) -> Tensor:
    """The position of the largest element along an axis, or (None) in the flattened tensor: int64.

    The first in row order on ties; NaN counts as the largest. The result is outside the graph.
    Raises ValueError for an axis that x does not have, or one without elements.

    >>> mc.ops.argmax(mc.tensor([[1.0, 5.0], [3.0, 2.0]]), axis=1).data.tolist()
    [1, 0]
    """
    return _position("argmax", x, axis, keepdim)


def argmin(x: Tensor, axis: int | None = None, keepdim: bool = False) -> Tensor:
    """The position of the smallest element, as in ``argmax``; NaN counts as the smallest.

    >>> mc.ops.argmin(mc.tensor([[1.0, 5.0], [3.0, 2.0]])).item()
    0
    """
    return _position("argmin", x, axis, keepdim)


@on_device
def _position(op: str, x: Tensor, axis: int | None, keepdim: bool) -> Tensor:
    axes = check_axes(op, x, None if axis is None else check_axis(op, x, axis))
    _count_elements(op, x, axes)
    xp, only = array_module(x.data), None if axis is None else axes[0]
    found = getattr(xp, op)(x.data, only, keepdims=bool(keepdim))
    if is_gpu_array(found) and x.dtype.kind == "f":  # CuPy takes any NaN, NumPy the first
        is_nan = xp.isnan(x.data)
        first = xp.argmax(is_nan, only, keepdims=bool(keepdim))
        found = xp.where(is_nan.any(only, keepdims=bool(keepdim)), first, found)
    return Tensor(found.astype(np.int64, copy=False))


def _count_elements(op: str, x: Tensor, axes: Axes, least: int = 1) -> int:
    """How many elements are reduced to one. Raises ValueError for fewer than least."""
    n = math.prod(x.shape[a] for a in axes)
    if n < least:
        raise ValueError(f"{op}: {n} elements to reduce in shape {x.shape}, {least} are needed")
    return n

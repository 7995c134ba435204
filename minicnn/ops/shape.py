"""Changing shapes: reshape, transpose, broadcast, index; no element is computed here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module, is_array, to_device
from ..backend.layout import zeros_as_stored
from .check import check_axis, check_tensor

Shape = tuple[int, ...]


class Reshape(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, shape: Shape) -> Array:
        return x.reshape(shape)

    def backward(self, grad: Tensor) -> Tensor:
        return reshape(grad, self.shapes[0])


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """The same elements in row order under another shape; one length may be -1.

    ``x.reshape(N, -1)`` of a batch-last array is a free view. Raises ValueError when the shapes do
    not hold the same number of elements.
    """
    check_tensor("reshape", x=x)
    lengths: Shape = tuple(shape[0] if len(shape) == 1 and _is_shape(shape[0]) else shape)
    if not _is_shape(lengths) or lengths.count(-1) > 1 or min(lengths, default=0) < -1:
        raise ValueError(f"reshape: got {lengths}, expected lengths, of which one length may be -1")
    known = math.prod(n for n in lengths if n != -1)
    if -1 in lengths and known == 0:
        raise ValueError(f"reshape: in {lengths} the -1 could be any length")
    if x.size % known if -1 in lengths else x.size != known:
        raise ValueError(
            f"reshape: {x.shape} has {x.size} elements, {lengths} does not hold as many"
        )
    return Reshape.apply(x, shape=lengths)


def flatten(x: Tensor, start_axis: int = 0) -> Tensor:
    """All axes from start_axis on in one: (N, C, H, W) -> (N, C·H·W) with start_axis = 1."""
    check_tensor("flatten", x=x)
    start_axis = check_axis("flatten", x, start_axis) if x.ndim else 0
    kept = x.shape[:start_axis]
    return reshape(x, *kept, math.prod(x.shape[start_axis:]))


class Permute(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, axes: Shape) -> Array:
        self.axes = axes
        return x.transpose(axes)

    def backward(self, grad: Tensor) -> Tensor:
        inverse = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return permute(grad, *inverse)


def permute(x: Tensor, *axes: int) -> Tensor:
    """The axes in a new order: axis i of the result is axis axes[i] of x.

    Raises ValueError unless every axis is named once.
    """
    order = tuple(check_axis("permute", x, axis) for axis in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute: got axes {axes} for shape {x.shape}, expected each axis once")
    return Permute.apply(x, axes=order)


def transpose(x: Tensor, axis0: int, axis1: int) -> Tensor:
    """Two axes exchanged. Raises ValueError for an axis that x does not have."""
    axis0, axis1 = check_axis("transpose", x, axis0), check_axis("transpose", x, axis1)
    axes = list(range(x.ndim))
    axes[axis0], axes[axis1] = axes[axis1], axes[axis0]
    return Permute.apply(x, axes=tuple(axes))


class BroadcastTo(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, shape: Shape) -> Array:
        return array_module(x).broadcast_to(x, shape)

    def backward(self, grad: Tensor) -> Tensor:
        return sum_to(grad, self.shapes[0])


def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """x repeated along axes of length 1 (and new ones in front), without copying.

    Raises ValueError for a shape that broadcasting x does not give.
    """
    check_tensor("broadcast_to", x=x)
    if not _broadcasts(x.shape, tuple(shape)):
        raise ValueError(f"broadcast_to: {x.shape} cannot be repeated to {tuple(shape)}")
    return x if x.shape == tuple(shape) else BroadcastTo.apply(x, shape=tuple(shape))


class SumTo(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, shape: Shape) -> Array:
        new = x.ndim - len(shape)
        repeated = tuple(i + new for i, n in enumerate(shape) if n == 1 != x.shape[i + new])
        return x.sum(tuple(range(new)) + repeated, keepdims=True).reshape(shape)

    def backward(self, grad: Tensor) -> Tensor:
        return broadcast_to(grad, self.shapes[0])


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """Sum over the axes that broadcasting from ``shape`` would repeat: its adjoint.

    Raises ValueError for a shape that broadcasting does not lead from.
    """
    check_tensor("sum_to", x=x)
    if not _broadcasts(tuple(shape), x.shape):
        raise ValueError(f"sum_to: {x.shape} is no broadcast of {tuple(shape)}")
    return x if x.shape == tuple(shape) else SumTo.apply(x, shape=tuple(shape))


class GetItem(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, index: Any) -> Array:
        self.index = index
        return x[index]

    def backward(self, grad: Tensor) -> Tensor:
        return PutItem.apply(grad, index=self.index, shape=self.shapes[0])


class PutItem(Function):
    """Zeros of a shape, with the values added where the index says: the adjoint of GetItem."""

    keeps = "nothing"

    def forward(self, values: Array, *, index: Any, shape: Shape) -> Array:
        self.index = index
        xp = array_module(values)
        x = zeros_as_stored(xp, shape, values.dtype)
        if _names_once(index):
            x[index] = values
        else:
            xp.add.at(x, index, values)  # adds where an index names an element twice
        return x

    def backward(self, grad: Tensor) -> Tensor:
        return GetItem.apply(grad, index=self.index)


def getitem(x: Tensor, index: Any) -> Tensor:
    """``x[index]`` with NumPy's indexing: slices, integers, None, ..., arrays and masks.

    Slices give views, the rest copies; the gradient of an element taken twice is the sum of both.
    Raises IndexError for an index that the shape does not have, TypeError for what is no index.
    """
    check_tensor("getitem", x=x)
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(_index_part(p, x.device) for p in parts)
    try:
        return GetItem.apply(x, index=parts if isinstance(index, tuple) else parts[0])
    except IndexError as error:
        raise IndexError(f"getitem: a tensor of shape {x.shape}: {error}") from None


def _index_part(part: Any, device: str) -> Any:
    """One part of an index, checked; arrays are copied, since backward needs them as they are."""
    if part is None or part is ... or isinstance(part, int | np.integer | np.bool_):
        return part
    if isinstance(part, slice):
        bounds = (part.start, part.stop, part.step)
        if not all(b is None or hasattr(b, "__index__") for b in bounds):
            raise TypeError(f"getitem: {part} is no index, expected a slice of integers")
        return part
    if not isinstance(part, Tensor | list | tuple | range) and not is_array(part):
        raise TypeError(
            f"getitem: {part!r} is a {type(part).__name__}, expected an integer, a slice, None, "
            "..., or an array of integers or booleans"
        )
    part = part.data if isinstance(part, Tensor) else part
    try:
        array = part.copy() if is_array(part) else np.array(part)
    except ValueError as error:
        raise TypeError(f"getitem: an index is no regular array ({error})") from error
    if array.size == 0 and isinstance(part, list | tuple | range):
        array = array.astype(int)  # nothing is taken; NumPy makes floats of []
    if array.dtype.kind not in "iub":
        raise TypeError(f"getitem: an index holds {array.dtype}, expected integers or booleans")
    return to_device(array, device)


def _names_once(index: Any) -> bool:
    """Whether an index has no array of integers, the only one to name an element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(not is_array(p) or p.dtype.kind == "b" for p in parts)


def _is_shape(lengths: Any) -> bool:
    integers = int | np.integer
    return isinstance(lengths, tuple | list) and all(isinstance(n, integers) for n in lengths)


def _broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether broadcasting gives ``to`` from ``shape``."""
    pairs = zip(reversed(shape), reversed(to), strict=False)  # missing axes in front are new
    return len(shape) <= len(to) and all(n in (1, m) for n, m in pairs)

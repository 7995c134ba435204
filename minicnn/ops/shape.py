"""Changing shapes: reshape, transpose, broadcast, index; no element is computed here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module, is_array, to_device
from ..backend.layout import reduce_as_stored, zeros_as_stored
from ..checks import check_integer, is_integer
from .check import check_axis, check_tensor
from .linear_map import LinearMap

Shape = tuple[int, ...]


class Reshape(LinearMap):
    takes_shape = True

    def forward(self, x: Array, *, shape: Shape) -> Array:
        return x.reshape(shape)


def reshape(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """The same elements in row order under another shape; one length may be -1.

    ``x.reshape(N, -1)`` of a batch-last array is a free view. Raises TypeError unless the lengths
    are integers, ValueError when the shapes do not hold the same number of elements.

    >>> mc.ops.reshape(mc.tensor([1, 2, 3, 4]), 2, -1).data.tolist()
    [[1, 2], [3, 4]]
    """
    check_tensor("reshape", x=x)
    lengths: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    lengths = tuple(lengths)
    expected = "expected lengths, of which one length may be -1"
    if not all(map(is_integer, lengths)):
        raise TypeError(f"reshape: got {lengths}, {expected}")
    if lengths.count(-1) > 1 or min(lengths, default=0) < -1:
        raise ValueError(f"reshape: got {lengths}, {expected}")
    known = math.prod(n for n in lengths if n != -1)
    if -1 in lengths and known == 0:
        raise ValueError(f"reshape: in {lengths} the -1 could be any length")
    if x.size % known if -1 in lengths else x.size != known:
        raise ValueError(
            f"reshape: {x.shape} has {x.size} elements, {lengths} does not hold as many"
        )
    return Reshape.apply(x, shape=lengths)


def flatten(x: Tensor, start_axis: int = 0) -> Tensor:
    """All axes from start_axis on in one: (N, C, H, W) -> (N, C·H·W) with start_axis = 1.

    >>> mc.ops.flatten(mc.tensor(np.zeros((2, 3, 4, 5))), 1).shape
    (2, 60)
    """
    check_tensor("flatten", x=x)
    start_axis = check_axis("flatten", x, start_axis) if x.ndim else 0
    return reshape(x, *x.shape[:start_axis], math.prod(x.shape[start_axis:]))


class Permute(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, axes: Shape) -> Array:
        return x.transpose(axes)

    def backward(self, grad: Tensor) -> Tensor:
        axes = self.options["axes"]
        return permute(grad, *sorted(range(len(axes)), key=axes.__getitem__))  # the inverse


def permute(x: Tensor, *axes: int | Sequence[int]) -> Tensor:
    """The axes in a new order: axis i of the result is axis axes[i] of x.

    The axes are several arguments or, as for ``reshape``, one tuple or list.
    Raises ValueError unless every axis is named once.

    >>> mc.ops.permute(mc.tensor(np.zeros((8, 3, 28, 29))), 0, 2, 3, 1).shape
    (8, 28, 29, 3)
    """
    given = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
    order = tuple([check_axis("permute", x, axis) for axis in given])
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute: got axes {given} for shape {x.shape}, expected each axis once")
    return Permute.apply(x, axes=order)


def transpose(x: Tensor, axis0: int, axis1: int) -> Tensor:
    """Two axes exchanged. Raises ValueError for an axis that x does not have.

    >>> mc.ops.transpose(mc.tensor([[1, 2, 3], [4, 5, 6]]), 0, 1).data.tolist()
    [[1, 4], [2, 5], [3, 6]]
    """
    axis0, axis1 = check_axis("transpose", x, axis0), check_axis("transpose", x, axis1)
    axes = list(range(x.ndim))
    axes[axis0], axes[axis1] = axes[axis1], axes[axis0]
    return Permute.apply(x, axes=tuple(axes))


class BroadcastTo(LinearMap):
    takes_shape = True

    def forward(self, x: Array, *, shape: Shape) -> Array:
        return array_module(x).broadcast_to(x, shape)


def sum_axes(x: Array, axes: Shape, keepdims: bool) -> Array:
    """``x.sum(axes)``; float16 is added up in float32, since in it a sum of ones stops at 2048."""
    if x.dtype.char != "e":
        return reduce_as_stored(x, "sum", axes, keepdims)
    return reduce_as_stored(x, "sum", axes, keepdims, dtype=np.float32).astype(x.dtype)


class SumTo(LinearMap, adjoint_of=BroadcastTo):
    takes_shape = True

    def forward(self, x: Array, *, shape: Shape) -> Array:
        new = x.ndim - len(shape)
        repeated = tuple(i + new for i, n in enumerate(shape) if n == 1 != x.shape[i + new])
        return sum_axes(x, tuple(range(new)) + repeated, keepdims=True).reshape(shape)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x repeated along axes of length 1 (and new ones in front), without copying.

    Raises TypeError unless the shape is a tuple of integers, ValueError for one to which x does not
    broadcast.

    >>> mc.ops.broadcast_to(mc.tensor([1, 2]), (3, 2)).data.tolist()
    [[1, 2], [1, 2], [1, 2]]
    """
    check_tensor("broadcast_to", x=x)
    shape = _check_lengths("broadcast_to", shape)
    if x.shape == shape:
        return x
    if not broadcasts_to(x.shape, shape):
        raise ValueError(f"broadcast_to: {x.shape} cannot be repeated to {shape}")
    return BroadcastTo.apply(x, shape=shape)


def sum_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Sum over the axes that broadcasting from ``shape`` would repeat: the adjoint of it.

    Raises TypeError unless the shape is a tuple of integers, ValueError for one that does not
    broadcast to that of x.

    >>> mc.ops.sum_to(mc.tensor([[1, 2], [3, 4]]), (2, 1)).data.tolist()
    [[3], [7]]
    """
    check_tensor("sum_to", x=x)
    shape = _check_lengths("sum_to", shape)
    if x.shape == shape:
        return x
    if not broadcasts_to(shape, x.shape):
        raise ValueError(f"sum_to: {x.shape} is not a broadcast of {shape}")
    return SumTo.apply(x, shape=shape)


def _check_lengths(op: str, shape: Any) -> Shape:
    """The shape as a tuple of integers. Raises TypeError or ValueError."""
    if not isinstance(shape, tuple | list):
        raise TypeError(f"{op}: shape: got {shape!r}, expected a tuple of integers")
    return tuple([check_integer(f"{op}: shape[{i}]", n, least=0) for i, n in enumerate(shape)])


class GetItem(LinearMap):
    def forward(self, x: Array, *, index: Any) -> Array:
        return x[index]


class PutItem(LinearMap, adjoint_of=GetItem):
    """Zeros of a shape, with the values added where the index says."""

    takes_shape = True

    def forward(self, values: Array, *, index: Any, shape: Shape) -> Array:
        xp = array_module(values)
        if _names_once(index):
            x = zeros_as_stored(xp, shape, values.dtype)
            x[index] = values
            return x
        x = zeros_as_stored(xp, shape, np.promote_types(values.dtype, np.float32))
        xp.add.at(x, index, values)  # adds where an index names an element twice
        return x.astype(values.dtype, copy=False)


def getitem(x: Tensor, index: Any) -> Tensor:
    """``x[index]`` with NumPy's indexing: slices, integers, None, ..., arrays and masks.

    Slices give views, other indices copies; the gradient of an element taken twice is the sum of
    both. Raises IndexError for an index that the shape does not have, TypeError for other types.

    >>> mc.ops.getitem(mc.tensor([[1, 2, 3], [4, 5, 6]]), (slice(None), [0, 2])).data.tolist()
    [[1, 3], [4, 6]]
    """
    check_tensor("getitem", x=x)
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(_check_index(p, x.device) for p in parts)
    try:
        return GetItem.apply(x, index=parts if isinstance(index, tuple) else parts[0])
    except IndexError as error:
        raise IndexError(f"getitem: a tensor of shape {x.shape}: {error}") from None


def _check_index(part: Any, device: str) -> Any:
    """One part of an index, checked; arrays are copied, since backward needs them unchanged."""
    if part is None or part is ... or isinstance(part, int | np.integer | np.bool_):
        return part
    if isinstance(part, slice):
        bounds = (part.start, part.stop, part.step)
        if not all(b is None or hasattr(b, "__index__") for b in bounds):
            raise TypeError(f"getitem: {part} is not an index, expected a slice of integers")
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
        raise TypeError(f"getitem: an index is not a regular array ({error})") from error
    if array.size == 0 and isinstance(part, list | tuple | range):
        array = array.astype(int)  # nothing is taken; NumPy makes floats of []
    if array.dtype.kind not in "iub":
        raise TypeError(f"getitem: an index holds {array.dtype}, expected integers or booleans")
    return to_device(array, device)


def _names_once(index: Any) -> bool:
    """Whether no part is an array of integers: only these can name an element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(not is_array(p) or p.dtype.kind == "b" for p in parts)


def broadcasts_to(shape: Shape, target: Shape) -> bool:
    """Whether an array of this shape broadcasts to the target shape."""
    pairs = zip(reversed(shape), reversed(target), strict=False)  # missing axes in front are new
    return len(shape) <= len(target) and all(n in (1, m) for n, m in pairs)

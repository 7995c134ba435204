"""Joining tensors along an axis, and cutting one into pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module
from .check import check_axis
from .convert import to
from .shape import getitem, reshape


class Concatenate(Function):
    keeps = "nothing"

    def forward(self, *arrays: Array, axis: int) -> Array:
        self.axis = axis
        y: Array = array_module(arrays[0]).concatenate(arrays, axis)
        return y

    def backward(self, grad: Tensor) -> list[Tensor | None]:
        pieces = split(grad, [shape[self.axis] for shape in self.shapes], self.axis)
        return [p if need else None for p, need in zip(pieces, self.needs_grad, strict=True)]


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The tensors one after the other along an axis that they have (PyTorch's ``cat``).

    (.., n_0, ..), (.., n_1, ..), .. -> (.., n_0 + n_1 + .., ..). Integers beside floats take their
    dtype, float32 beside float64 becomes float64. Raises TypeError for what is no list of Tensors,
    ValueError for an empty list or when another axis differs.
    """
    tensors = same_dtype("concatenate", tensors)
    first = tensors[0]
    if first.ndim == 0:
        raise ValueError("concatenate: tensors[0] has no axes, expected at least one; see stack")
    axis = check_axis("concatenate", first, axis)
    for i, t in enumerate(tensors):
        if t.ndim != first.ndim:
            raise ValueError(
                f"concatenate: tensors[{i}] has shape {t.shape} with {t.ndim} axes, "
                f"but tensors[0] has {first.shape} with {first.ndim}"
            )
        for other, (n, expected) in enumerate(zip(t.shape, first.shape, strict=True)):
            if n != expected and other != axis:
                raise ValueError(
                    f"concatenate: tensors[{i}] has shape {t.shape} and tensors[0] {first.shape}: "
                    f"axis {other} is {n}, expected {expected}; only axis {axis} may differ"
                )
    return Concatenate.apply(*tensors, axis=axis)


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis, which stands at ``axis`` of the result.

    k tensors (.., n, ..) -> (.., k, n, ..). Dtypes and errors are those of ``concatenate``; a shape
    that differs from the first is a ValueError.
    """
    tensors = same_dtype("stack", tensors)
    shape = tensors[0].shape
    for i, t in enumerate(tensors):
        if t.shape != shape:
            raise ValueError(
                f"stack: tensors[{i}] has shape {t.shape} and tensors[0] {shape}, "
                "expected the same shape"
            )
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"stack: axis: got {axis!r}, expected an integer")
    axes = len(shape) + 1
    if not -axes <= axis < axes:
        raise ValueError(f"stack: axis: got {axis}, but the result of shapes {shape} has {axes}")
    axis = int(axis) % axes
    longer = [reshape(t, *shape[:axis], 1, *shape[axis:]) for t in tensors]  # (.., 1, n, ..)
    return Concatenate.apply(*longer, axis=axis)


def split(x: Tensor, size_or_sizes: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along an axis into pieces that share its memory (PyTorch's ``split``).

    A number is the length of every piece, of which the last may be shorter; a list holds the length
    of each. Raises TypeError for what is neither, ValueError for a length below 1 (in a list: 0),
    or lengths that do not add up to the axis.
    """
    axis = check_axis("split", x, axis)
    before = (slice(None),) * axis
    pieces = []
    start = 0
    for size in _sizes(size_or_sizes, x.shape, axis):
        pieces.append(getitem(x, (*before, slice(start, start + size))))
        start += size
    return tuple(pieces)


def _sizes(given: int | Sequence[int], shape: tuple[int, ...], axis: int) -> Sequence[int]:
    """The lengths of the pieces."""
    n = shape[axis]
    sizes = [given] if isinstance(given, int | np.integer) else given
    integers = isinstance(sizes, list | tuple) and all(
        isinstance(size, int | np.integer) and not isinstance(size, bool) for size in sizes
    )
    if not integers:
        raise TypeError(f"split: size_or_sizes is {given!r}, expected an integer or several")
    if isinstance(given, int | np.integer):
        if given < 1:
            raise ValueError(f"split: size_or_sizes is {given}, expected 1 or more")
        return [min(given, n - start) for start in range(0, n, given)] or [0]
    if min(sizes, default=0) < 0 or sum(sizes) != n:
        total = " + ".join(str(size) for size in sizes) or "no lengths"
        raise ValueError(
            f"split: {total} = {sum(sizes)}, but axis {axis} of shape {shape} has length {n}; "
            "expected lengths of 0 or more that add up to it"
        )
    return sizes


def same_dtype(op: str, tensors: Sequence[Tensor], name: str = "tensors") -> list[Tensor]:
    """The tensors in one dtype: the widest float among them, or what NumPy makes of integers.

    Raises TypeError for what is no list of Tensors, ValueError for an empty one.
    """
    if not isinstance(tensors, list | tuple):
        kind = type(tensors).__name__
        raise TypeError(f"{op}: {name} is a {kind}, expected a list or tuple of Tensors")
    if not tensors:
        raise ValueError(f"{op}: {name} is empty, expected at least one Tensor")
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            kind = type(t).__name__
            raise TypeError(
                f"{op}: {name}[{i}] is a {kind}, expected a Tensor; see minicnn.tensor()"
            )
    floats = [t.dtype for t in tensors if t.dtype.kind == "f"]
    dtype = np.result_type(*(floats or [t.dtype for t in tensors]))
    return [to(t, dtype) for t in tensors]  # as an op, so that each gradient has its dtype

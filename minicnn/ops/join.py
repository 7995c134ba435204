"""Joining tensors along an axis, and cutting one into pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array
from ..backend.layout import concatenate_as_stored
from ..checks import check_integer, is_integer
from .check import check_axis, check_tensor
from .convert import convert
from .shape import getitem, reshape


class Concatenate(Function):
    keeps = "nothing"

    def forward(self, *arrays: Array, axis: int) -> Array:
        return concatenate_as_stored(arrays, axis)

    def backward(self, grad: Tensor) -> list[Tensor | None]:
        axis = self.options["axis"]
        pieces = split(grad, [shape[axis] for shape in self.shapes], axis)
        return [p if need else None for p, need in zip(pieces, self.needs_grad, strict=True)]


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The tensors one after the other along an axis that they have (PyTorch's ``cat``).

    (.., n_0, ..), (.., n_1, ..), .. -> (.., n_0 + n_1 + .., ..). Integers next to floats take their
    dtype, float32 next to float64 becomes float64. Raises TypeError for anything but a list of
    Tensors, ValueError for an empty list or when another axis differs.

    >>> a, b = mc.tensor([[1, 2]]), mc.tensor([[3, 4], [5, 6]])
    >>> mc.ops.concatenate([a, b]).data.tolist()
    [[1, 2], [3, 4], [5, 6]]
    """
    tensors = promote_dtypes("concatenate", tensors)
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
    """Tensors of one shape along a new axis, which is ``axis`` of the result.

    k tensors (.., n, ..) -> (.., k, n, ..). Dtypes and errors are those of ``concatenate``; a shape
    that differs from the first is a ValueError.

    >>> mc.ops.stack([mc.tensor([1, 2]), mc.tensor([3, 4])], axis=1).data.tolist()
    [[1, 3], [2, 4]]
    """
    tensors = promote_dtypes("stack", tensors)
    shape = tensors[0].shape
    for i, t in enumerate(tensors):
        if t.shape != shape:
            raise ValueError(
                f"stack: tensors[{i}] has shape {t.shape} and tensors[0] {shape}, "
                "expected the same shape"
            )
    axis = check_axis("stack", tensors[0], axis, new=1)
    longer = [reshape(t, *shape[:axis], 1, *shape[axis:]) for t in tensors]  # (.., 1, n, ..)
    return Concatenate.apply(*longer, axis=axis)


def split(x: Tensor, size_or_sizes: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along an axis into pieces that share its memory (PyTorch's ``split``).

    A number is the length of every piece, of which the last may be shorter; a list holds the length
    of each. Raises TypeError for other types, ValueError for a length below 1 (in a list: 0), or
    lengths that do not add up to the axis.

    >>> mc.ops.split(mc.tensor([1.0, 2.0, 3.0]), 2)
    (tensor([1., 2.]), tensor([3.]))
    """
    axis = check_axis("split", x, axis)
    before = (slice(None),) * axis
    pieces = []
    start = 0
    for size in _piece_sizes(size_or_sizes, x.shape, axis):
        pieces.append(getitem(x, (*before, slice(start, start + size))))
        start += size
    return tuple(pieces)


def _piece_sizes(given: int | Sequence[int], shape: tuple[int, ...], axis: int) -> Sequence[int]:
    n = shape[axis]
    if is_integer(given):
        size = check_integer("split: size_or_sizes", given, least=1)
        return [min(size, n - start) for start in range(0, n, size)] or [0]
    if not isinstance(given, list | tuple) or not all(map(is_integer, given)):
        raise TypeError(f"split: size_or_sizes: got {given!r}, expected an integer or several")
    if min(given, default=0) < 0 or sum(given) != n:
        total = " + ".join(str(size) for size in given) or "no lengths"
        raise ValueError(
            f"split: {total} = {sum(given)}, but axis {axis} of shape {shape} has length {n}; "
            "expected lengths of 0 or more that add up to it"
        )
    return given


def promote_dtypes(op: str, tensors: Sequence[Tensor], name: str = "tensors") -> list[Tensor]:
    """The tensors in one dtype: the widest float among them, or NumPy's choice for integers.

    Raises TypeError for anything but a list of Tensors, ValueError for an empty one.
    """
    if not isinstance(tensors, list | tuple):
        kind = type(tensors).__name__
        raise TypeError(f"{op}: {name} is a {kind}, expected a list or tuple of Tensors")
    if not tensors:
        raise ValueError(f"{op}: {name} is empty, expected at least one Tensor")
    check_tensor(op, **{f"{name}[{i}]": t for i, t in enumerate(tensors)})
    floats = [t.dtype for t in tensors if t.dtype.kind == "f"]
    dtype = np.result_type(*(floats or [t.dtype for t in tensors]))
    return [convert(t, dtype) for t in tensors]  # as an op: each gradient has its tensor's dtype

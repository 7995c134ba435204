"""Batch-last storage: the only file that knows in which order the axes lie in memory.

Users see images as (N, C, H, W). In memory the axes run (C, H, W, N): the batch index moves
fastest, as in cuda-convnet, the code behind AlexNet (Krizhevsky, 2012). Then the columns of a
convolution are one strided copy with long contiguous runs, the convolution is one matrix product,
and its result already has the layout that the next layer wants. Elementwise NumPy operations keep
the memory order of their inputs, so a network stays batch-last by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from .arrays import Array, array_module, is_gpu_array

MOST_COPIES = 8
"""Arrays that are joined by a copy each on a GPU."""
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def as_chwn(x: Array) -> Array:
    """The array (N, C, H, W) as a contiguous (C, H, W, N): free if x is batch-last, else a copy."""
    stored = x.transpose(1, 2, 3, 0)  # (C, H, W, N)
    return stored if stored.flags.c_contiguous else array_module(x).ascontiguousarray(stored)


def as_nchw(x: Array) -> Array:
    """The array (C, H, W, N) as its free (N, C, H, W) view, the shape that users see."""
    return x.transpose(3, 0, 1, 2)  # (N, C, H, W)


def batch_axis_last(x: Array) -> Array:
    """The array (N, ...) as a contiguous (..., N): free if x is batch-last, else a copy."""
    stored = x.transpose(*range(1, x.ndim), 0)  # (..., N)
    return stored if stored.flags.c_contiguous else array_module(x).ascontiguousarray(stored)


def batch_last(elements: Array, shape: tuple[int, ...]) -> Array:
    """A flat array viewed with the shape (N, ...), so that the batch index moves fastest."""
    if not shape:
        return elements.reshape(shape)
    batch, *rest = shape
    return array_module(elements).moveaxis(elements.reshape(*rest, batch), -1, 0)


def storage_axes(x: Array) -> tuple[int, ...]:
    """The axes of x in the order of memory, the one that moves slowest first."""
    return tuple(sorted(range(x.ndim), key=lambda axis: (-abs(x.strides[axis]), axis)))


def inverse_axes(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that undo a transposition: ``x.transpose(axes).transpose(inverse_axes(axes))``."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def zeros_as_stored(xp: ModuleType, shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros of a shape; with four axes (N, C, H, W) they are stored batch-last."""
    if len(shape) != 4:
        return xp.zeros(shape, dtype)
    n, c, h, w = shape
    return as_nchw(xp.zeros((c, h, w, n), dtype))


def reduce_as_stored(
    x: Array, reduction: str, axes: tuple[int, ...], keepdims: bool, **options: Any
) -> Array:
    """``x.sum(axes)``, or another reduction, whose result is stored in the order of x.

    As NumPy does; CuPy stores it in the order of its axes.
    """
    if array_module(x) is np:
        y: Array = getattr(x, reduction)(axes, keepdims=keepdims, **options)
        return y
    order = storage_axes(x)
    stored = x.transpose(order)
    y = getattr(stored, reduction)(tuple(map(order.index, axes)), keepdims=True, **options)
    y = y.transpose(inverse_axes(order))
    return y if keepdims else y.squeeze(axes)


def concatenate_as_stored(arrays: Sequence[Array], axis: int) -> Array:
    """The arrays one after the other along an axis, stored in the order of the first."""
    xp, order = array_module(arrays[0]), storage_axes(arrays[0])
    stored, place = [x.transpose(order) for x in arrays], order.index(axis)
    if is_gpu_array(stored[0]) and len(stored) <= MOST_COPIES:
        joined = _copied_together(stored, place)
    else:
        joined = xp.concatenate(stored, place)
    return joined.transpose(inverse_axes(order))


def _copied_together(arrays: list[Array], axis: int) -> Array:
    """The arrays along an axis. CuPy's concatenate uploads lists, which a CUDA graph cannot do."""
    shape = list(arrays[0].shape)
    shape[axis] = sum([x.shape[axis] for x in arrays])
    dtype = np.result_type(*[x.dtype for x in arrays])
    joined, start = array_module(arrays[0]).empty(tuple(shape), dtype), 0
    for x in arrays:
        stop = start + x.shape[axis]
        joined[(slice(None),) * axis + (slice(start, stop),)] = x
        start = stop
    return joined


def in_storage_order(
    function: Callable[..., Array], arrays: list[Array], options: Mapping[str, Any] = NO_OPTIONS
) -> Array:
    """An elementwise function of arrays that broadcast to (N, ...), computed over (..., N).

    NumPy keeps the memory order of the inputs, but CuPy stores every result in the order of its
    axes, so an image would lose its batch-last order.
    """
    axes = max(a.ndim for a in arrays)
    if axes < 2:
        return function(*arrays, **options)
    order = (*range(1, axes), 0)
    stored = [a.transpose(order) if a.ndim == axes else _with_axes(a, axes, order) for a in arrays]
    y = function(*stored, **options)
    return y.transpose(axes - 1, *range(axes - 1))


def _with_axes(x: Array, axes: int, order: tuple[int, ...]) -> Array:
    """An array with fewer axes, which broadcasts as it is if it has none."""
    return x.reshape((1,) * (axes - x.ndim) + x.shape).transpose(order) if x.ndim else x

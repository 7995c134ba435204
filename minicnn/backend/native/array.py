"""NumPy memory on which the native kernels work; what runs them is in ``run.py``."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..numpy_returning import NumPyReturning

ALIGNMENT = 64
"""Bytes of a cache line: a vector that starts at a multiple never lies across two of them."""


class NativeArray(np.ndarray[Any, Any]):
    """NumPy memory of the device "native". Everything computed from one is one too.

    It is an ordinary array of NumPy: the type only says which kernels compute with it, so that it
    can share its memory with arrays of the device "cpu".
    """


def address_of(x: Any) -> int:
    """The address of the data: the first field of an array after the head of the Python object.

    ``x.ctypes.data`` is the same, but takes two microseconds: as long as a small kernel.
    """
    return ctypes.c_size_t.from_address(id(x) + object.__basicsize__).value


def as_native(x: Any) -> Any:
    """Arrays and NumPy scalars as arrays of the device, sharing their memory; the rest as it is."""
    if type(x) is NativeArray:
        return x
    if isinstance(x, np.ndarray):
        return x.view(NativeArray)
    if isinstance(x, list | tuple):
        return type(x)(map(as_native, x))
    return np.asarray(x).view(NativeArray) if isinstance(x, np.generic) else x


def _bytes(size: int) -> Any:
    return np.empty(size, np.uint8)


def empty(shape: Any, dtype: Any = float, take: Callable[[int], Any] = _bytes) -> Any:
    """``np.empty``, aligned to a cache line; take: where the bytes come from."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) if isinstance(shape, tuple | list) else int(shape)
    memory = take(size * dtype.itemsize + ALIGNMENT)
    start = -address_of(memory) % ALIGNMENT
    return np.ndarray.__new__(NativeArray, shape, dtype, memory, start)


def empty_like(x: Any, dtype: Any = None, new: Callable[..., Any] = empty, **options: Any) -> Any:
    """``np.empty_like``, aligned to a cache line: in the memory order of x; new: ``empty``."""
    dtype = np.dtype(dtype or x.dtype)
    if not options and x.flags.c_contiguous:
        return new(x.shape, dtype)
    if not options and x.ndim == 4:
        stored = x.transpose(1, 2, 3, 0)  # (C, H, W, N), as most images
        if stored.flags.c_contiguous:
            return new(stored.shape, dtype).transpose(3, 0, 1, 2)
    like = np.empty_like(x, dtype, **options)
    memory = new(like.nbytes, np.uint8)
    return np.ndarray.__new__(type(memory), like.shape, dtype, memory, 0, like.strides)


native_numpy = NumPyReturning("native_numpy", as_native)
"""NumPy with functions that return arrays of the device, new ones aligned."""
native_numpy.empty = empty  # type: ignore[attr-defined]
native_numpy.empty_like = empty_like  # type: ignore[attr-defined]

"""Arrays in the form that the CUDA kernels take: on the device, without gaps, in a known order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array, array_module
from ..capture import cached_arrays
from ..devices import to_device


def new(x: Array, shape: tuple[int, ...]) -> Array:
    """An uninitialised array with the device and dtype of x."""
    return array_module(x).empty(shape, x.dtype)


def new_like(x: Array) -> Array:
    """An uninitialised array with the device, dtype, shape and memory order of x."""
    return array_module(x).empty_like(x)


def contiguous(x: Array) -> Array:
    return array_module(x).ascontiguousarray(x) if x.ndim and not x.flags.c_contiguous else x


def integers(positions: Array) -> Array:
    return contiguous(positions.astype(np.int64, copy=False))


def in_order_of(x: Array, other: Array) -> Array:
    """The other array, of the shape of x, with its axes stored in the same order; x has no gaps."""
    if other.strides == x.strides and other.itemsize == x.itemsize:
        return other
    stored = array_module(x).empty_like(x, dtype=other.dtype)
    if stored.strides == other.strides:
        return other
    stored[...] = other
    return stored


@cached_arrays(maxsize=1024)
def index_array(numbers: tuple[int, ...], device: str) -> Array:
    """The numbers on the device, cached."""
    return to_device(np.array(numbers, np.int32), device)


@cached_arrays(maxsize=256)
def divisor_array(numbers: bytes, dtype: Any, device: str) -> Array:
    """The numbers on the device, cached."""
    return to_device(np.frombuffer(numbers, dtype), device)

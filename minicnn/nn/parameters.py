"""The arrays of parameters and buffers: new ones, and those that a state dict brings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, array_module, on_device_of, resolve_device, to_device


def filled(shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Array:
    """An array of one value on the default device."""
    array = np.zeros(shape, dtype)  # which takes no memory until something is written into it
    if value:
        array[...] = value
    return to_device(array, resolve_device())


def as_dtype(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """A copy with this dtype. Raises ValueError for numbers that it cannot hold."""
    with on_device_of(array), np.errstate(all="ignore"):  # 1e-50 is 0 in float32
        converted: Array = array.astype(dtype)
        if array.dtype == dtype:
            return converted
        if dtype.kind == "f":
            isfinite = array_module(array).isfinite
            lost = isfinite(array) & ~isfinite(converted)
        else:
            lost = converted != array
        if not lost.any():
            return converted
        value = array[lost].ravel()[0]
        raise ValueError(f"state dict: {name} has {value.item()}, which {dtype} cannot hold")

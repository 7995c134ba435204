"""Arrays on the default device, from which layers make their parameters and buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, resolve_device, to_device


def filled(shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Array:
    """An array of one value on the default device."""
    array = np.zeros(shape, dtype)  # which takes no memory until something is written into it
    if value:
        array[...] = value
    return to_device(array, resolve_device())

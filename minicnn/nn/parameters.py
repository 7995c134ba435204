"""What layers share when they are made: checked sizes, and arrays on the default device."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, resolve_device, to_device


def check_positive(layer: str, **sizes: Any) -> None:
    """Raise ValueError for a size that is not an integer of 1 or more."""
    for name, size in sizes.items():
        is_integer = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if not is_integer or size < 1:
            raise ValueError(f"{layer}: {name} is {size!r}, expected an integer of 1 or more")


def filled(shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Array:
    """An array of one value on the default device."""
    return to_device(np.full(shape, value, dtype), resolve_device())

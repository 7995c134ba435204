"""Which array library holds an array, and on which device it lies."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "array_module", "device_of", "is_array"]

Array = NDArray[Any]
"""A NumPy array, or the CuPy array that answers to the same calls."""


def array_module(x: Array) -> ModuleType:
    """The library of x, numpy or cupy, whose functions share names: ``array_module(x).exp(x)``."""
    cupy = sys.modules.get("cupy")  # a CuPy array cannot exist before CuPy has been imported
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    return np


def is_array(x: object) -> bool:
    """Whether x is an array of one of the libraries (a NumPy scalar is not)."""
    cupy = sys.modules.get("cupy")
    return isinstance(x, np.ndarray) or (cupy is not None and isinstance(x, cupy.ndarray))


def device_of(x: Array) -> str:
    """The name of the device that holds x: "cpu", or "cuda:0", "cuda:1", ..."""
    if array_module(x) is np:
        return "cpu"
    device: Any = x.device
    return f"cuda:{device.id}"

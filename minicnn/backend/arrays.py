"""Which array library holds an array, and on which device it lies."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .emulator.array import EmulatorArray, emulated_numpy

Array = NDArray[Any]
"""A NumPy array, or the CuPy array that answers to the same calls."""


def array_module(x: Array) -> ModuleType:
    """The library of x, whose functions have NumPy's names: ``array_module(x).exp(x)``."""
    if type(x) is np.ndarray:
        return np
    if isinstance(x, EmulatorArray):
        return emulated_numpy
    return sys.modules["cupy"] if is_gpu_array(x) else np


def is_array(x: object) -> bool:
    """Whether x is an array of one of the libraries (a NumPy scalar is not)."""
    return isinstance(x, np.ndarray) or is_gpu_array(x)


def is_gpu_array(x: object) -> bool:
    """Whether x is a CuPy array."""
    cupy = sys.modules.get("cupy")  # a CuPy array cannot exist before CuPy has been imported
    return cupy is not None and isinstance(x, cupy.ndarray)


def device_of(x: Array) -> str:
    """The name of the device that holds x: "cpu", "emulator", or "cuda:0", "cuda:1", ..."""
    if is_gpu_array(x):
        device: Any = x.device
        return f"cuda:{device.id}"
    return "emulator" if isinstance(x, EmulatorArray) else "cpu"

"""Which array library holds an array, and on which device it lies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "EmulatorArray", "array_module", "device_of", "is_array", "is_gpu_array"]

Array = NDArray[Any]
"""A NumPy array, or the CuPy array that answers to the same calls."""


class EmulatorArray(np.ndarray[Any, Any]):
    """NumPy memory that stands for the memory of a GPU: what its kernels see is the emulator's.

    All that is computed from one is one too, by NumPy, so that it stays on its device.
    """

    def __array_wrap__(
        self, array: Array, context: Any = None, return_scalar: bool = False
    ) -> EmulatorArray:
        return array.view(EmulatorArray)  # not a scalar, which would be on no device


class _EmulatedNumPy(ModuleType):
    """NumPy, whose functions return arrays of the emulator."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        setattr(self, name, _on_emulator(found))
        return getattr(self, name)


def _on_emulator(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        is_number = isinstance(result, np.generic)
        return np.asarray(result).view(EmulatorArray) if is_number or is_array(result) else result

    if isinstance(function, np.ufunc):
        wrapper.at = function.at  # type: ignore[attr-defined]
    return wrapper


_emulated_numpy = _EmulatedNumPy("numpy of the emulator")


def array_module(x: Array) -> ModuleType:
    """The library of x, whose functions have NumPy's names: ``array_module(x).exp(x)``."""
    if type(x) is np.ndarray:
        return np
    if isinstance(x, EmulatorArray):
        return _emulated_numpy
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

"""Floor 0, HOW things are computed: arrays, devices, memory layout and kernels.

Only this package knows that NumPy kernels, CUDA or CuPy exist. An op asks ``kernels_for(x)`` once
and never asks what a device is.
"""

from __future__ import annotations

from types import ModuleType

from . import numpy_kernels
from .arrays import Array, array_module, device_of, is_array
from .devices import (
    DeviceError,
    cuda_is_available,
    default_device,
    is_device_name,
    resolve_device,
    to_device,
)
from .memory import keep_freed_memory

__all__ = [
    "Array",
    "DeviceError",
    "array_module",
    "cuda_is_available",
    "default_device",
    "device_of",
    "is_array",
    "is_device_name",
    "keep_freed_memory",
    "kernels_for",
    "resolve_device",
    "to_device",
]

# One row per array library; every module has the functions of reference_kernels.py.
_KERNELS: dict[str, ModuleType] = {"numpy": numpy_kernels}


def kernels_for(x: Array) -> ModuleType:
    """The kernel module for the device that holds x."""
    return _KERNELS[array_module(x).__name__]

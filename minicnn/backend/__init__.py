"""Floor 0, HOW things are computed: arrays, devices, memory layout and kernels.

Only this package knows that NumPy kernels, CUDA or CuPy exist. An op asks ``kernels_for(x)`` once
and never asks what a device is.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np

from . import numpy_kernels
from .arrays import Array, array_module, device_of, is_array
from .devices import (
    cuda_is_available,
    default_device,
    is_device_name,
    on_device_of,
    resolve_device,
    to_device,
)
from .errors import DeviceError
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
    "on_device_of",
    "resolve_device",
    "to_device",
]


def kernels_for(x: Array) -> ModuleType:
    """The kernel module for the device that holds x, with the functions of reference_kernels.py."""
    if array_module(x) is np:
        return numpy_kernels
    return importlib.import_module(".cuda_kernels", __name__)  # only when it is needed

"""Floor 0, HOW things are computed: arrays, devices, memory layout and kernels.

Only this package knows that NumPy kernels, CUDA or CuPy exist. An op asks ``kernels_for(x)`` once
and never asks what a device is.
"""

from __future__ import annotations

from .arrays import Array, array_module, device_of, is_array, is_in_cpu_memory
from .devices import (
    cuda_is_available,
    default_device,
    is_available,
    is_device_name,
    on_device_of,
    resolve_device,
    to_device,
)
from .errors import DeviceError
from .kernels import Kernels, kernels_for
from .malloc import keep_freed_memory

__all__ = [
    "Array",
    "DeviceError",
    "Kernels",
    "array_module",
    "cuda_is_available",
    "default_device",
    "device_of",
    "is_array",
    "is_available",
    "is_device_name",
    "is_in_cpu_memory",
    "keep_freed_memory",
    "kernels_for",
    "on_device_of",
    "resolve_device",
    "to_device",
]

"""Which array library holds an array, and on which device it lies."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .emulator.array import EmulatorArray, emulated_numpy
from .native.array import NativeArray, native_numpy
from .native.record import RecordingArray, recording_numpy

Array = NDArray[Any]
"""A NumPy array, or the CuPy array that answers to the same calls."""


def array_module(x: Array) -> ModuleType:
    """The library of x, whose functions have NumPy's names: ``array_module(x).exp(x)``."""
    if type(x) is np.ndarray:
        return np
    if type(x) is NativeArray:
        return native_numpy
    if type(x) is RecordingArray:
        return recording_numpy
    if isinstance(x, EmulatorArray):
        return emulated_numpy
    return sys.modules["cupy"] if is_gpu_array(x) else np


def is_array(x: object) -> bool:
    """Whether x is an array of one of the libraries (a NumPy scalar is not)."""
    return isinstance(x, np.ndarray) or is_gpu_array(x)


_gpu_types: set[type] = set()
"""The types of CuPy's arrays that have been seen: a training step asks some hundred times."""


def is_gpu_array(x: object) -> bool:
    """Whether x is a CuPy array."""
    kind = type(x)
    if kind in _gpu_types:
        return True
    cupy = sys.modules.get("cupy")  # a CuPy array cannot exist before CuPy has been imported
    if cupy is None or kind is np.ndarray or not issubclass(kind, cupy.ndarray):
        return False
    _gpu_types.add(kind)
    return True


def plain_array(name: str, x: Any) -> Array | None:
    """x as an array of exactly its library's type, shared; None if x is not an array.

    Subclasses of NumPy's array change what operators mean (``*`` of a np.matrix is the matrix
    product), so they become plain. Numbers in the byte order of another machine are converted: to
    NumPy they have another dtype. Raises TypeError for a masked array with masked elements; name:
    what the message begins with.
    """
    if (type(x) in DEVICE_OF_TYPE and x.dtype.isnative) or is_gpu_array(x):
        return x
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise TypeError(
            f"{name}: got a masked array with {np.sum(x.mask)} masked elements, expected a plain "
            "array: x.filled(value) fills them, x.data takes what lies below the mask"
        )
    if not isinstance(x, np.ndarray | np.generic):  # scalars are results for arrays without axes
        return None
    return np.asarray(x, x.dtype.newbyteorder("="))


def to_array(name: str, value: Any) -> Array:
    """``np.asarray``, which would drop a mask silently: see ``plain_array``."""
    plain = plain_array(name, value)
    if plain is not None:
        return plain
    array = np.asarray(value)  # of lists, or of what has an __array__
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def memory_owner(x: Array) -> Array:
    """The array whose memory x lies in."""
    base = x.base
    while base is not None and is_array(base):
        x, base = base, base.base
    return x


def memory_span(x: Array) -> tuple[int, int]:
    """The addresses of the first byte of x and of the one after its last; (0, 0) if it is empty."""
    if x.size == 0:
        return 0, 0
    name = "__cuda_array_interface__" if is_gpu_array(x) else "__array_interface__"
    interface: dict[str, Any] = getattr(x, name)
    start = stop = interface["data"][0]
    for length, stride in zip(x.shape, x.strides, strict=True):
        reach = (length - 1) * stride
        start, stop = start + min(reach, 0), stop + max(reach, 0)
    return start, stop + x.itemsize


def can_be_read(x: Any) -> bool:
    """Whether Python may read a number of x: on a GPU that would wait, in a recording be lost."""
    return not is_gpu_array(x) and type(x) is not RecordingArray


def is_in_cpu_memory(x: Array) -> bool:
    """Whether Python reads numbers of x without waiting for a device."""
    return can_be_read(x) and device_of(x) in ("cpu", "native")


def device_of(x: Array) -> str:
    """The name of the device that holds x: "cpu", "native", "emulator", "cuda:0", "cuda:1", ..."""
    kind = type(x)
    if kind in DEVICE_OF_TYPE:
        return DEVICE_OF_TYPE[kind]
    if is_gpu_array(x):
        memory: Any = x.data
        return f"cuda:{memory.device_id}"
    return "cpu"


DEVICE_OF_TYPE: dict[type, str] = {
    np.ndarray: "cpu",
    NativeArray: "native",
    RecordingArray: "native",
    EmulatorArray: "emulator",
}

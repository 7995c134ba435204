"""Start a kernel of a ``.cu`` file: on a GPU through CuPy, or on a CPU, checked or at full speed.

All run the same source. A kernel is a template over the types of its numbers and of its indices,
compiled when it is first used with these types and then kept.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays import device_of
from ..emulator import run as emulator
from ..emulator.array import EmulatorArray
from ..geometry import Window
from ..native import run as native
from ..native.array import NativeArray
from ..native.record import RecordingArray
from . import nvrtc
from .pieces import Pieces
from .source import THREADS, WARP

MOST_BLOCKS = 1 << 20  # with more elements, a thread handles several
INT_LIMIT = 1 << 30  # so that an int index can step past the end without overflow

C_TYPES = {
    "float32": "float", "float64": "double", "int32": "int", "int64": "long long", "bool": "bool",
}  # fmt: skip


PLAIN = {NativeArray, RecordingArray, int}
"""Types of arguments that the native launcher takes as they are, and finds fast."""


def launch(
    source: str,
    kernel: str,
    elements: int,
    *arguments: Any,
    types: tuple[Any, ...] = (),
    work: int | None = None,
) -> None:
    """Run ``kernel<types..., index type>`` of a source with a thread for each of the elements.

    arguments: arrays without gaps in memory, Windows, integers (which take the index type) and
    NumPy scalars. The first is an array; it gives the device and, unless types are given, the type.
    work: about how many simple elements would take as long, if not as many as there are.
    Raises TypeError for a dtype that the kernels do not support, DeviceError if a kernel does not
    compile, and on the emulator an error for what a GPU would not notice (``emulator/run.py``).
    """
    _launch(source, kernel, elements, elements if work is None else work, arguments, types)


def launch_warps(source: str, kernel: str, warps: int, *arguments: Any, work: int) -> None:
    """The same with a warp for each unit of work (FOR_EACH_WARP)."""
    _launch(source, kernel, warps * WARP, work, arguments, ())


def _launch(
    source: str, kernel: str, threads: int, work: int, arguments: tuple[Any, ...], types: Any
) -> None:
    if threads == 0:
        return
    first = arguments[0]
    kind, dtypes = type(first), types or (first.dtype,)
    if kind is NativeArray or kind is RecordingArray:
        if not PLAIN.issuperset(map(type, arguments)):
            arguments = tuple(map(_native_argument, arguments))
        native.run(source, kernel, _c_types(kernel, *dtypes, np.int64), work, arguments)
        return
    largest = max(threads, *[a.size for a in arguments if type(a) is kind])
    index = np.int32 if largest < INT_LIMIT else np.int64
    expression = f"{kernel}<{', '.join(_c_types(kernel, *dtypes, index))}>"
    on_emulator = kind is EmulatorArray
    values = [a if type(a) is kind else _argument(a, index, on_emulator) for a in arguments]
    blocks = min(-(-threads // THREADS), MOST_BLOCKS)
    if on_emulator:
        emulator.run(source, expression, blocks, THREADS, values)
    else:
        nvrtc.run(source, expression, blocks, THREADS, values, device_of(first))


@lru_cache(maxsize=1024)
def _c_types(kernel: str, *types: Any) -> tuple[str, ...]:
    """The types of the template's instance, as in C++."""
    names = [np.dtype(t).name for t in types]
    for name in names:
        if name not in C_TYPES:
            raise TypeError(
                f"{kernel}: got {name}, but the CUDA kernels support float32 and float64; "
                "convert it with .to('float32')"
            )
    return tuple([C_TYPES[name] for name in names])


def _argument(value: Any, index: Any, on_emulator: bool) -> Any:
    if isinstance(value, int):
        return index(value)
    if isinstance(value, Window):
        return _struct(value)
    if isinstance(value, Pieces):
        return value if on_emulator else value.on_gpu()
    return value


def _native_argument(value: Any) -> Any:
    if isinstance(value, Window):
        return _struct_in_memory(value)
    return value.on_cpu() if isinstance(value, Pieces) else value


@lru_cache(maxsize=1024)
def _struct_in_memory(window: Window) -> Any:
    return np.atleast_1d(_struct(window))


@lru_cache(maxsize=1024)
def _struct(window: Window) -> Any:
    """The window as the struct Window of ``common.cuh``, which is passed by value."""
    (top, _), (left, _) = window.padding
    sizes = (*window.input_size, *window.output_size, *window.kernel_size, *window.stride)
    return np.void(struct.pack("12i", *sizes, top, left, *window.dilation))

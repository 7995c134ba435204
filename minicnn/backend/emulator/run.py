"""The launcher without a GPU: the CUDA sources, compiled by the system's C++ compiler.

``emulator.h`` stands for the GPU: it runs the threads of a kernel one after the other on NumPy
memory and checks every index, every access to memory, and every barrier. Compiled kernels are kept
in the user's cache directory. In the environment, MINICNN_EMULATOR_DEBUG=1 compiles them for a
debugger (``break im2col``), and MINICNN_EMULATOR_ORDER=backwards or shuffled runs blocks and
threads in another order: no result may depend on it.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import is_array
from ..compiler import built, find_compiler, load
from ..cuda import source as cuda_source
from ..cuda.pieces import Pieces
from ..cuda.source import HEADERS, OPTIONS, PIECES, read_source
from ..errors import DeviceError
from .fault import Fault, kernel_error

DIRECTORY = Path(__file__).parent
FLAGS = (f"-I{DIRECTORY}", "-fPIC", "-fvisibility=hidden")
ORDERS = ("forwards", "backwards", "shuffled")


class ArrayArgument(ctypes.Structure):
    """The struct array<T> of emulator.h."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_longlong), ("argument", ctypes.c_int))


class PiecesArgument(ctypes.Structure):
    """The struct Pieces of common.cuh."""

    _fields_ = (("at", ArrayArgument * PIECES), ("end", ctypes.c_longlong * PIECES))


class Launch(ctypes.Structure):
    """The struct Launch of emulator.h."""

    _fields_ = (
        ("blocks", ctypes.c_uint),
        ("threads", ctypes.c_uint),
        ("order", ctypes.c_int),
        ("waiting", ctypes.c_bool),
    )


def run(source: str, expression: str, blocks: int, threads: int, arguments: list[Any]) -> None:
    """Run all threads of the kernel and return when the last one has finished.

    Raises IndexError for an index outside an array, and RuntimeError for what a GPU would not
    notice: a race, a read of memory that was never written, threads that wait for each other in
    vain. The message names the kernel and the thread.
    """
    values = [_value(a, position) for position, a in enumerate(arguments)]
    pointers = [v.ctypes.data if is_array(v) else ctypes.addressof(v) for v in values]
    fault = Fault()
    function, waits = _compiled(source, expression)
    array = (ctypes.c_void_p * len(pointers))(*pointers)
    launch = Launch(blocks, threads, launch_order(), waits)
    if function(ctypes.byref(launch), array, ctypes.byref(fault)):
        kernel = expression.split("<")[0]
        raise kernel_error(fault, f"{kernel} of {source}", _parameters(source, kernel))


def launch_order() -> int:
    """The order in which blocks and threads run, as emulator.h counts the orders."""
    name = os.environ.get("MINICNN_EMULATOR_ORDER") or ORDERS[0]
    if name not in ORDERS:
        expected = '", "'.join(ORDERS)
        raise DeviceError(
            f'device "emulator": MINICNN_EMULATOR_ORDER: got "{name}", expected one of "{expected}"'
        )
    return ORDERS.index(name)


def _value(argument: Any, position: int) -> Any:
    """What is passed by pointer: the struct of an array in global memory, else the value."""
    if is_array(argument):
        return ArrayArgument(argument.ctypes.data, argument.size, position)
    if isinstance(argument, Pieces):
        pieces = [ArrayArgument(x.ctypes.data, x.size, position) for x in argument.arrays]
        return PiecesArgument(tuple(pieces), tuple(argument.ends))
    return argument if isinstance(argument, ctypes.Structure) else np.asarray(argument)


@cache
def _compiled(source: str, expression: str) -> tuple[Any, bool]:
    """The function that launches a kernel, and whether its threads may wait for each other."""
    text = read_source(source)
    code = (
        f'#include "emulator.h"\n#line 1 "{cuda_source.DIRECTORY / source}"\n'
        f"{_with_shared_memory_named(text)}\n"
        f"using Kernel = emulator::Kernel<{expression}>;\n"
        'extern "C" __attribute__((visibility("default")))\n'
        "int run(const emulator::Launch& launch, void** arguments, emulator::Fault* fault) {\n"
        "    return emulator::run(launch, Kernel::call, Kernel::watch, arguments, fault);\n"
        "}\n"
    )
    debug = os.environ.get("MINICNN_EMULATOR_DEBUG", "0") not in ("", "0")
    flags = [*FLAGS, *OPTIONS, "-DMINICNN_EMULATOR", *(["-O0", "-g"] if debug else ["-O2"])]
    if sys.platform == "linux":  # memory.cpp takes the place of the library that this would link
        flags.append("-fsanitize=thread")
    included = [*map(read_source, HEADERS), *_texts("*.h")]
    what = f"{expression} of {source}"
    library = built(
        code, [find_compiler("emulator"), *flags], included, "emulator", what, [_runtime()]
    )
    waits = re.search(r"\b(__sync|__shfl|sum_of_warp)", text) is not None
    return load(library).run, waits


def _runtime() -> Path:
    """The part of the emulator that is the same for all kernels, compiled."""
    command = [find_compiler("emulator"), *FLAGS, "-std=c++17", "-O2", "-U_FORTIFY_SOURCE"]
    code = '#include "threads.cpp"\n#include "memory.cpp"\n'
    return built(code, command, _texts("*.h", "*.cpp"), "emulator", "the emulator")


def _texts(*patterns: str) -> list[str]:
    found = sorted(path for pattern in patterns for path in DIRECTORY.glob(pattern))
    return [path.read_text(encoding="utf-8") for path in found]


def _with_shared_memory_named(text: str) -> str:
    """The source, where each variable in shared memory is made known to memory.cpp."""

    def named(match: re.Match[str]) -> str:
        declared = re.sub(r"\[[^\]]*\]", "", match[0].rstrip(";")).split(",")
        names = [re.findall(r"\w+", part)[-1] for part in declared]
        return match[0] + "".join(f' emulator::shared({name}, "{name}");' for name in names)

    statement = r"(?:^[ \t]+|(?<=[;{}])[ \t]*)__shared__\b[^;]*;"
    return re.sub(statement, named, text, flags=re.MULTILINE)


def _parameters(source: str, kernel: str) -> list[str]:
    """The names of a kernel's parameters, read from its source."""
    found = re.search(rf"__global__ void {kernel}\((.*?)\)\s*{{", read_source(source), re.DOTALL)
    assert found is not None
    return [re.findall(r"\w+", part)[-1] for part in found[1].split(",")]

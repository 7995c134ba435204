"""The launcher without a GPU: the CUDA sources, compiled by the system's C++ compiler.

``emulator.h`` stands for the GPU: it runs the threads of a kernel one after the other on NumPy
memory and checks every index. Compiled kernels are kept in the user's cache directory. Set
MINICNN_EMULATOR_DEBUG=1 in the environment to compile them for a debugger (``break im2col``).
"""

from __future__ import annotations

import ctypes
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import is_array
from ..cuda.pieces import Pieces
from ..cuda.source import OPTIONS, PIECES, read_source
from ..compiler import built, find_compiler

HEADER = Path(__file__).with_name("emulator.h")


class ArrayArgument(ctypes.Structure):
    """The struct array<T> of emulator.h."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_longlong), ("argument", ctypes.c_int))


class PiecesArgument(ctypes.Structure):
    """The struct Pieces of common.cuh."""

    _fields_ = (("at", ArrayArgument * PIECES), ("end", ctypes.c_longlong * PIECES))


class Fault(ctypes.Structure):
    """The struct Fault of emulator.h."""

    _fields_ = (
        ("argument", ctypes.c_int),
        ("index", ctypes.c_longlong),
        ("size", ctypes.c_longlong),
        ("thread", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
    )


def run(source: str, expression: str, blocks: int, threads: int, arguments: list[Any]) -> None:
    """Run all threads of the kernel and return when the last one has finished.

    Raises IndexError for an index outside an array, naming the kernel, the thread and the index.
    """
    values = [_value(a, position) for position, a in enumerate(arguments)]
    pointers = [v.ctypes.data if is_array(v) else ctypes.addressof(v) for v in values]
    fault = Fault()
    function = _compiled(source, expression)
    if function(blocks, threads, (ctypes.c_void_p * len(pointers))(*pointers), ctypes.byref(fault)):
        kernel = expression.split("<")[0]
        name = _parameters(source, kernel)[fault.argument]
        raise IndexError(
            f"{kernel} of {source}: thread {fault.thread[0]} of block {fault.block[0]} asks for "
            f"{name}[{fault.index}], but {name} has {fault.size} elements"
        )


def _value(argument: Any, position: int) -> Any:
    """What is passed by pointer: the struct of an array in global memory, else the value."""
    if is_array(argument):
        return ArrayArgument(argument.ctypes.data, argument.size, position)
    if isinstance(argument, Pieces):
        pieces = [ArrayArgument(x.ctypes.data, x.size, position) for x in argument.arrays]
        return PiecesArgument(tuple(pieces), tuple(argument.ends))
    return argument if isinstance(argument, ctypes.Structure) else np.asarray(argument)


@cache
def _compiled(source: str, expression: str) -> Any:
    code = (
        f'#include "{source}"\n'
        'extern "C" int run(unsigned blocks, unsigned threads, void** arguments, '
        "emulator::Fault* fault) {\n"
        f"    return emulator::launch<{expression}>(blocks, threads, arguments, fault);\n"
        "}\n"
    )
    debug = os.environ.get("MINICNN_EMULATOR_DEBUG", "0") not in ("", "0")
    flags = [*OPTIONS, f"-I{HEADER.parent}", "-shared", "-fPIC", "-DMINICNN_EMULATOR"]
    flags += ["-O0", "-g"] if debug else ["-O2"]
    if "__syncthreads" in read_source(source):  # Ubuntu's fortified longjmp refuses foreign stacks
        flags += ["-DMINICNN_BARRIERS", "-U_FORTIFY_SOURCE"]
    texts = [read_source(source), read_source("common.cuh"), HEADER.read_text(encoding="utf-8")]
    path = built(
        code, [find_compiler("emulator"), *flags], texts, "emulator", f"{expression} of {source}"
    )
    return ctypes.CDLL(str(path)).run


def _parameters(source: str, kernel: str) -> list[str]:
    """The names of a kernel's parameters, read from its source."""
    found = re.search(rf"__global__ void {kernel}\((.*?)\)\s*{{", read_source(source), re.DOTALL)
    assert found is not None
    return [re.findall(r"\w+", part)[-1] for part in found[1].split(",")]

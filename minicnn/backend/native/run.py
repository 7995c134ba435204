"""The launcher for the CPU: the CUDA sources, compiled for its vector registers, on all cores.

A source is compiled when one of its kernels is first used with a dtype, all its kernels together,
and kept in the user's cache folder. ``native.h`` says what a GPU's words mean on a CPU, and
``pool.cpp`` has the threads.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiler import built, find_compiler, is_built, load
from ..cuda import tiles
from ..cuda.source import DIRECTORY, HEADERS, PIECES, read_source
from ..cuda.tiles import Tiles
from ..errors import DeviceError
from .array import address_of
from .record import current_recording

FOLDER = Path(__file__).parent
FLAGS = (
    "-std=c++17",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-pthread",
    "-DMINICNN_NATIVE",
    "-DTHREADS=1",
    f"-DPIECES={PIECES}",
    # Where the address of the data stands in a NumPy array: first after the head of the object.
    f"-DOBJECT_HEAD={object.__basicsize__}",
    f"-I{DIRECTORY}",
    f"-I{FOLDER}",
)
CONTRACTED = ("convolution.cu",)
"""Sources in which a product and a sum may become one instruction, rounded once. Elsewhere the
compiler could choose differently for the elements that fill no vector, and a result would depend on
where an element lies in its array."""
SHARE = 1 << 15
"""Elements that are worth another thread: about 20 µs of work."""
SHARES_PER_THREAD = 4
"""So that a thread that was kept waiting leaves its work to the others."""


def run(
    source: str, kernel: str, types: tuple[str, ...], work: int, arguments: Sequence[Any]
) -> None:
    """Run the kernel and return when it has finished; work: about how many elements it handles.

    arguments: NumPy arrays, integers and floating-point numbers; a struct is an array of its bytes.
    """
    form, are_arrays = _form(tuple([type(a) for a in arguments]))
    # An array is passed as the address of the Python object: native.h finds its data.
    slots = [id(a) if is_array else a for a, is_array in zip(arguments, are_arrays, strict=True)]
    threads = thread_count()
    shares = min(work // SHARE + 1, SHARES_PER_THREAD * threads)
    function, packed = _function(source, kernel, types), form.pack(*slots)
    _pool().run_shares(function, packed, shares, threads)
    recording = current_recording()
    if recording is not None:
        recording.add_kernel(function, form, shares, arguments)


def run_together(launches: NDArray[np.int64]) -> None:
    """Run kernels one after the other: rows of their address, that of their arguments, shares."""
    _pool().run_launches(address_of(launches), len(launches), thread_count())


@cache
def _form(kinds: tuple[type, ...]) -> tuple[struct.Struct, tuple[bool, ...]]:
    """How arguments of these types lie in memory, eight bytes each; which of them are arrays."""
    forms: dict[Any, str] = {float: "d", np.float64: "d", np.float32: "d", np.uint64: "Q"}
    are_arrays = tuple([issubclass(kind, np.ndarray) for kind in kinds])
    return struct.Struct("".join([forms.get(kind, "q") for kind in kinds])), are_arrays


def thread_count() -> int:
    """The environment variable MINICNN_NUM_THREADS, or the cores that this process may use."""
    return _given_threads or _found_threads()


def set_thread_count(count: int) -> None:
    """Use so many threads from now on."""
    global _given_threads
    _given_threads = count


_given_threads: int | None = None


@cache
def _found_threads() -> int:
    wanted = os.environ.get("MINICNN_NUM_THREADS")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise DeviceError(
                f'device "native": MINICNN_NUM_THREADS: got "{wanted}", expected an integer of 1 '
                "or more"
            )
        return int(wanted)
    return len(available_cores())


def available_cores() -> frozenset[int]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


@cache
def _pool() -> Any:
    path = built(
        (FOLDER / "pool.cpp").read_text(encoding="utf-8"), compiler_command(), [_processor()],
        "native", "pool.cpp", [],
    )  # fmt: skip
    library = load(path)
    library.prepare_for_forks()
    library.run_shares.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_long, ctypes.c_int)
    library.run_shares.restype = None
    library.run_launches.argtypes = (ctypes.c_void_p, ctypes.c_long, ctypes.c_int)
    library.run_launches.restype = None
    return library


@cache
def _function(source: str, kernel: str, types: tuple[str, ...]) -> int:
    """The address of a compiled kernel."""
    function = getattr(_library(source, types), f"run_{kernel}")
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def _library(source: str, types: tuple[str, ...]) -> Any:
    return load(_compiled(source, types))


def _compiled(source: str, types: tuple[str, ...]) -> Path:
    contract = "-ffp-contract=" + ("fast" if source in CONTRACTED else "off")
    command = [*compiler_command(), contract]
    code, texts = _unit(source, types), _texts(source)
    what = f"{source} for {types[0]}"
    if is_built(code, command, texts, "native"):
        return built(code, command, texts, "native", what, [])
    print(f"minicnn: compiling {what} with {command[0]}", end=" ... ", file=sys.stderr, flush=True)
    start = time.perf_counter()
    path = built(code, command, texts, "native", what, [])
    print(f"{time.perf_counter() - start:.1f} s, in {path.parent}", file=sys.stderr)
    return path


def _unit(source: str, types: tuple[str, ...]) -> str:
    """The C++ code of a library: all kernels of a source that take so many types."""
    kernels = re.findall(r"template <([^>]*)>\s*__global__ void (\w+)\(", read_source(source))
    lines = [f'#include "{source}"']
    for parameters, kernel in kernels:
        if parameters.count("typename") == len(types):
            instance = f"{kernel}<{', '.join(types)}>"
            lines.append(
                f'extern "C" void run_{kernel}(long share, long shares, const void* slots) '
                f"{{ native::run({instance}, share, shares, slots); }}"
            )
    return "\n".join(lines) + "\n"


def _texts(source: str) -> list[str]:
    """What a compiled source depends on."""
    header = (FOLDER / "native.h").read_text(encoding="utf-8")
    return [read_source(source), *map(read_source, HEADERS), header, _processor()]


@cache
def compiler_command() -> list[str]:
    """The compiler and its flags. Raises DeviceError that says what to install."""
    if sys.platform == "win32":
        raise DeviceError('device "native": it needs Linux or macOS; on Windows use WSL')
    compiler = find_compiler("native")
    for flag in ("-march=native", "-mcpu=native"):  # the second one with some compilers for ARM
        if _macros(compiler, flag):
            own = os.environ.get("MINICNN_NATIVE_FLAGS", "").split()
            return [compiler, flag, *FLAGS, *_tiles(_macros(compiler, flag)).options(), *own]
    raise DeviceError(
        f'device "native": {compiler} does not understand -march=native; install g++ or clang++, '
        "or name one in the environment variable CXX"
    )


@cache
def native_tiles() -> Tiles:
    """How many sums the convolutions keep in the registers of this processor."""
    return _tiles(_processor())


def _tiles(macros: str) -> Tiles:
    has_many = "__AVX512F__" in macros or "__aarch64__" in macros
    return tiles.MANY_REGISTERS if has_many else tiles.FEW_REGISTERS


@cache
def _processor() -> str:
    """The compiler's version and what it knows of this processor: compiled code fits both only."""
    compiler, flag = compiler_command()[:2]
    return _macros(compiler, flag)


@cache
def _macros(compiler: str, flag: str) -> str:
    command = [compiler, flag, "-dM", "-E", "-x", "c++", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode else done.stdout

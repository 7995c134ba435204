"""How many multiplications and additions this machine can do in a second, at most.

A loop in C++, compiled with the command of the device "native", that multiplies and adds vectors in
registers and touches no memory. Enough of them are independent to keep the units busy that compute
them, and few enough to leave the loop in registers.
"""

from __future__ import annotations

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["peak_flops"]

CODE = """
#include "native.h"

typedef float Numbers __attribute__((vector_size(VECTOR_BYTES)));

template <int SUMS>
static float multiply_adds(long turns, float factor, float term) {
    Numbers sum[SUMS], factors = Numbers{} + factor, terms = Numbers{} + term;
    for (int k = 0; k < SUMS; ++k) sum[k] = Numbers{} + float(k);
    for (long turn = 0; turn < turns; ++turn)
        for (int k = 0; k < SUMS; ++k) sum[k] = sum[k] * factors + terms;
    Numbers total = {};
    for (int k = 0; k < SUMS; ++k) total += sum[k];
    return total[0];
}

extern "C" int numbers() { return VECTOR_BYTES / sizeof(float); }
extern "C" float run_8(long n, float a, float b) { return multiply_adds<8>(n, a, b); }
extern "C" float run_10(long n, float a, float b) { return multiply_adds<10>(n, a, b); }
extern "C" float run_12(long n, float a, float b) { return multiply_adds<12>(n, a, b); }
"""
SUMS = (8, 10, 12)
TURNS = 10_000_000  # some 20 ms


def peak_flops(threads: int, rounds: int) -> float:
    """The most operations per second in float32 of so many threads, over some rounds."""
    library = _library()
    most = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for sums in SUMS * rounds:
            loop = getattr(library, f"run_{sums}")  # without Python's lock while it runs
            start = time.perf_counter()
            list(pool.map(lambda _: loop(TURNS, 0.999, 1e-3), range(threads)))  # noqa: B023
            seconds = time.perf_counter() - start
            most = max(most, 2 * threads * sums * library.numbers() * TURNS / seconds)
    return most


def _library() -> Any:
    from minicnn.backend.compiler import built
    from minicnn.backend.native import run

    included = [(run.FOLDER / "native.h").read_text(encoding="utf-8"), run._processor()]
    path = built(CODE, run.compiler_command(), included, "native", "the peak", [])
    library = ctypes.CDLL(str(path))
    for sums in SUMS:
        loop = getattr(library, f"run_{sums}")
        loop.argtypes = (ctypes.c_long, ctypes.c_float, ctypes.c_float)
        loop.restype = ctypes.c_float
    return library

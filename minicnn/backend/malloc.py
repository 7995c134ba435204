"""Keeping freed memory for the next array, where the C library supports it."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # names and values of glibc's <malloc.h>


def keep_freed_memory() -> None:
    """Tell glibc to reuse large freed blocks instead of giving them back to the system.

    A training step frees and allocates the same arrays again and again. By default each large one
    goes back to the system when it is freed, and the next one costs page faults
    (``python -m benchmarks.memory_reuse`` measures how much). The price: memory once used stays
    with the process, up to 2 GiB. Only the main thread's arrays are affected. Without glibc, or
    with MINICNN_KEEP_MEMORY=0 in the environment, nothing is done.
    """
    if not sys.platform.startswith("linux") or os.environ.get("MINICNN_KEEP_MEMORY") == "0":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)

"""Keeping freed memory for the next array, where the C library supports it."""

from __future__ import annotations

import contextlib
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
    if os.environ.get("MINICNN_KEEP_MEMORY") != "0":
        _call("mallopt", M_MMAP_MAX, 0)
        _call("mallopt", M_TRIM_THRESHOLD, 2**31 - 1)


def release_freed_memory() -> None:
    """Give all freed memory back to the system, as far as glibc can.

    Each thread has memory of its own, which other threads do not get: after something large the
    others would add theirs to it.
    """
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    # Another C library, such as musl, does not have these functions.
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*arguments)

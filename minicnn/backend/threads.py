"""How many threads compute on the CPU: NumPy's BLAS and the device "native"."""

from __future__ import annotations

import os
import warnings

from .native import run as native

BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
"""With one of these a user has decided."""


def limit_threads(count: int) -> None:
    """Let NumPy's BLAS and the device "native" use so many threads, unless the user has decided."""
    if "MINICNN_NUM_THREADS" not in os.environ:
        native.set_thread_count(count)
    if any(name in os.environ for name in BLAS_VARIABLES):
        return
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        warnings.warn(
            "parallel: threadpoolctl is not installed, so NumPy uses all cores in each process, "
            "and they slow each other down; pip install minicnn[parallel], or set "
            f"OMP_NUM_THREADS={count}",
            stacklevel=2,
        )
        return
    threadpool_limits(count)

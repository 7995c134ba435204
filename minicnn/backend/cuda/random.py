"""Random numbers in CUDA C, see ``random.cu``."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, array_module
from .launch import launch


def uniform(like: Array, count: int, key: int) -> Array:
    y = array_module(like).empty(count, np.float32)
    launch("random.cu", "uniform", -(-count // 8), y, np.uint64(key), count)
    return y

"""Random numbers in CUDA C, see ``random.cu``."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, array_module
from ..capture import current_capture
from .launch import launch


def uniform(like: Array, count: int, key: int) -> Array:
    y, capture = array_module(like).empty(count, np.float32), current_capture()
    if capture is None:
        launch("random.cu", "uniform", -(-count // 8), y, np.uint64(key), count)
    else:
        launch("random.cu", "uniform_of_stored_key", -(-count // 8), y, capture.key(key), count)
    return y

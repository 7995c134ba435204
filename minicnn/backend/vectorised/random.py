"""Random numbers with NumPy, whose Philox4x64-10 gives the numbers of the other twins."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def uniform(like: Array, count: int, key: int) -> Array:
    return np.random.Generator(np.random.Philox(key=key)).random(count, np.float32)

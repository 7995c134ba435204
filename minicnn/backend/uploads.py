"""Labels on a GPU: several ops of a step need the same ones, which are uploaded once."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .devices import to_device

MOST_BYTES = 1 << 20

_latest: dict[str, tuple[Array, Array]] = {}
"""For each device, the last array that was uploaded: a copy of it on the CPU, and that there."""


def upload(x: Array, device: str) -> Array:
    """``to_device``, for an array that nobody writes into there; equal ones share their memory.

    Loss and metrics get the labels of a batch one after the other. The numbers are compared, since
    a caller may have written into x in between.
    """
    if type(x) is not np.ndarray or not device.startswith("cuda") or x.nbytes > MOST_BYTES:
        return to_device(x, device)
    before, there = _latest.get(device, (None, None))
    is_same = before is not None and before.dtype == x.dtype and np.array_equal(before, x)
    if there is None or not is_same:
        there = to_device(x, device)
        _latest[device] = x.copy(), there
    return there

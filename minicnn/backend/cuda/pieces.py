"""Several arrays as one argument of a kernel, the struct Pieces of ``common.cuh``."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Any

import numpy as np

from ..arrays import Array
from .source import PIECES


class Pieces:
    """Up to PIECES arrays that a kernel gets as one argument, the struct Pieces of common.cuh."""

    def __init__(self, arrays: list[Array]) -> None:
        self.arrays = arrays
        ends = list(accumulate(x.size for x in arrays))
        self.ends = ends + ends[-1:] * (PIECES - len(arrays))

    def on_gpu(self) -> Any:
        """The struct as a GPU takes it: addresses and ends."""
        addresses: list[int] = [x.data.ptr for x in self.arrays]  # type: ignore[attr-defined]
        addresses += [0] * (PIECES - len(addresses))
        return np.void(struct.pack(f"{2 * PIECES}q", *addresses, *self.ends))

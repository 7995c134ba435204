"""Several arrays as one argument of a kernel, the struct Pieces of ``common.cuh``."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Any

import numpy as np

from ..arrays import Array
from ..native.array import address_of
from .source import PIECES


class Pieces:
    """Up to PIECES arrays that a kernel gets as one argument, the struct Pieces of common.cuh."""

    def __init__(self, arrays: list[Array]) -> None:
        self.arrays = arrays
        ends = list(accumulate(x.size for x in arrays))
        self.ends = ends + ends[-1:] * (PIECES - len(arrays))

    def on_gpu(self) -> Any:
        """The struct as a GPU takes it: addresses and ends."""
        return self._struct([x.data.ptr for x in self.arrays])  # type: ignore[attr-defined]

    def on_cpu(self) -> Any:
        """The struct in the memory of the CPU, as an array."""
        return np.atleast_1d(self._struct([address_of(x) for x in self.arrays]))

    def _struct(self, addresses: list[int]) -> Any:
        none = [0] * (PIECES - len(addresses))
        return np.void(struct.pack(f"{2 * PIECES}q", *addresses, *none, *self.ends))

"""The memory of a recording, which its arrays share in turn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class _Lease(np.ndarray[Any, Any]):
    """Some memory of a recording, which takes it back when nothing refers to it any more."""

    owner: Memory | None = None
    block: Any = None

    def __del__(self) -> None:
        if self.owner is not None:
            self.owner.free.append(self.block)


class Memory:
    """The memory of the arrays of a recording: nobody else gets it between two replays."""

    def __init__(self) -> None:
        self.free: list[NDArray[np.uint8]] = []
        self._blocks: list[NDArray[np.uint8]] = []

    def take(self, size: int) -> Any:
        """So many bytes: of the smallest block that was given back and is large enough."""
        fitting = [block for block in self.free if block.nbytes >= size]
        if fitting:
            block = min(fitting, key=lambda block: block.nbytes)
            self.free = [other for other in self.free if other is not block]
        else:
            block = np.empty(size, np.uint8)
            self._blocks.append(block)
        lease = block[:size].view(_Lease)
        lease.owner, lease.block = self, block
        return lease

    def holds(self, x: Any) -> bool:
        """Whether an array lies in this memory."""
        while x is not None and not isinstance(x, _Lease):
            x = getattr(x, "base", None)
        return x is not None and x.owner is self

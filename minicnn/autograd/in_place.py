"""The record of in-place changes, by which backward notices that a value it needs is gone.

A graph refers to the arrays that backward needs and does not copy them. Whatever writes into an
array that a graph may refer to (a step of an optimizer, ``load_state_dict``, ``p -= ...``, running
statistics) records that in ``changes``, and each Function notes how many changes there were when it
ran. In backward one comparison of two integers then says that nothing has changed since; only if
something has are the arrays looked at. Changes are known by their memory, so that those of a view
or of a detached Tensor are found, too. What is written into ``x.data[...]`` directly is not known.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from ..backend import Array, on_device_of
from ..backend.arrays import memory_owner, memory_span


class Changes:
    """All in-place changes of this process; ``count`` is the number of them."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()
        # For each owner of memory, by its id: the parts written into, with the number of the last
        # change of each and what made it. The weak reference removes the entry with its owner.
        self._parts: dict[int, dict[tuple[int, int], tuple[int, str]]] = {}
        self._last: dict[int, int] = {}  # the number of the last change of each owner
        self._owners: dict[int, weakref.ref[Any]] = {}

    def next(self) -> int:
        """The number of a new change."""
        with self._lock:
            self.count += 1
            return self.count

    def record(self, x: Array, by: str) -> None:
        """Note that the elements of x have changed; by: what has changed them, "Adam.step()"."""
        owner = memory_owner(x)
        key = id(owner)
        if key not in self._owners:
            self._owners[key] = weakref.ref(owner, lambda _: self._forget(key))
        self._last[key] = number = self.next()
        self._parts.setdefault(key, {})[memory_span(x)] = number, by

    def since(self, x: Array, count: int) -> str | None:
        """What has changed an element of x after so many changes; None if nothing has."""
        key = id(memory_owner(x))
        if self._last.get(key, 0) <= count:
            return None
        start, stop = memory_span(x)
        for (a, b), (number, by) in list(self._parts[key].items()):
            if number > count and a < stop and start < b:
                return by
        return None

    def _forget(self, key: int) -> None:
        self._owners.pop(key, None)
        self._parts.pop(key, None)
        self._last.pop(key, None)


NEVER = (0, "")
"""The number and the cause of the change of a tensor whose data was never replaced."""

changes = Changes()
"""The changes of this process."""


def write_into(x: Any, values: Any, by: str) -> None:
    """Overwrite the elements of a Tensor, and let the graphs that need them know; by: who does."""
    with on_device_of(x.data):
        x.data[...] = values
    changes.record(x.data, by)

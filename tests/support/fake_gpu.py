"""The GPUs of the stand-in for CuPy: which one is the current one, and what was asked of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class GPU:
    """What all GPUs of the process share: which is the current one, and what was asked of them."""

    current = 0
    operations: ClassVar[Counter[str]] = Counter()
    waits: ClassVar[list[str]] = []
    may_wait = True
    follows = True
    """Whether ``Device.use()`` changes the current GPU; False: as if the program used another."""

    @classmethod
    def reset(cls) -> None:
        cls.current, cls.follows, cls.may_wait, cls.waits = 0, True, True, []
        cls.operations = Counter()

    @classmethod
    @contextmanager
    def counting(cls) -> Iterator[Counter[str]]:
        """The operations inside the ``with`` statement, by kind and name: "kernel im2col"."""
        before, cls.operations = cls.operations, Counter()
        try:
            yield cls.operations
        finally:
            cls.operations = before + cls.operations

    @classmethod
    @contextmanager
    def without_waiting(cls) -> Iterator[None]:
        """An error for whatever would wait for the GPU, as cupyx.allow_synchronize(False)."""
        before, cls.may_wait = cls.may_wait, False
        try:
            yield
        finally:
            cls.may_wait = before

    @classmethod
    def wait(cls, why: str) -> None:
        if not cls.may_wait:
            raise RuntimeError(f"{why}: waits for the GPU")
        cls.waits.append(why)


class FakeDevice:
    """One of the GPUs; a context that makes it the current one."""

    def __init__(self, number: int | None = None) -> None:
        self.id, self.mem_info = GPU.current if number is None else number, (1 << 20, 1 << 30)

    def __enter__(self) -> None:
        self.before, GPU.current = GPU.current, self.id

    def __exit__(self, *error: object) -> None:
        GPU.current = self.before

    def use(self) -> None:
        if GPU.follows:
            GPU.current = self.id

    def synchronize(self) -> None:
        GPU.wait("Device.synchronize")


def ask(kind: str, name: str, *values: Any) -> None:
    """Count an operation; all arrays among the values must be on the current device."""
    arrays = list(arrays_in(values))
    for x in arrays:
        if x.number != GPU.current:
            raise ValueError(
                f"{name}: the device where the array resides ({x.number}) is different from the "
                f"current device ({GPU.current}). Peer access is unavailable"
            )
    if not arrays or any(x.size for x in arrays):
        GPU.operations[f"{kind} {name}"] += 1


def arrays_in(value: Any) -> Iterator[Any]:
    """The arrays on a GPU, also inside lists and tuples."""
    if hasattr(value, "memory"):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from arrays_in(part)

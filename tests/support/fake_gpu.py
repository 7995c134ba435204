"""The GPUs of the stand-in for CuPy: which one is the current one, and what was asked of them.

While a stream is captured, operations are recorded and computed by ``FakeGraph.launch`` only: until
then their results hold NaN, so that a program that looks at them, or a graph that misses a change
of its inputs, is found out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np


class GPU:
    """What all GPUs of the process share: which is the current one, and what was asked of them."""

    current = 0
    operations: ClassVar[Counter[str]] = Counter()
    waits: ClassVar[list[str]] = []
    may_wait = True
    follows = True
    """Whether ``Device.use()`` changes the current GPU; False: as if the program used another."""
    stream: FakeStream
    """The current stream."""

    @classmethod
    def reset(cls) -> None:
        cls.current, cls.follows, cls.may_wait, cls.waits = 0, True, True, []
        cls.operations, cls.stream = Counter(), FakeStream()

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
        refuse_in_graph("synchronous API calls")
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


class FakeStream:
    """A stream; a context that makes it the current one."""

    ptr = 0

    def __init__(self, non_blocking: bool = False) -> None:
        self.may_be_captured = non_blocking
        self.recorded: list[Callable[[], object]] | None = None

    def __enter__(self) -> FakeStream:
        self.before, GPU.stream = GPU.stream, self
        return self

    def __exit__(self, *error: object) -> None:
        GPU.stream = self.before

    def record(self) -> object:
        return object()

    def wait_event(self, event: object) -> None:
        assert not self.is_capturing()

    def begin_capture(self) -> None:
        assert self.may_be_captured
        assert self.recorded is None
        self.recorded = []

    def end_capture(self) -> FakeGraph:
        assert self.recorded is not None
        recorded, self.recorded = self.recorded, None
        return FakeGraph(recorded)

    def is_capturing(self) -> bool:
        return self.recorded is not None


class FakeGraph:
    """A CUDA graph: operations that are computed, one after the other, by ``launch``."""

    def __init__(self, operations: list[Callable[[], object]]) -> None:
        self.operations = operations

    def launch(self) -> None:
        assert not GPU.stream.is_capturing()
        GPU.operations["graph launch"] += 1
        with np.errstate(all="ignore"):
            for compute in self.operations:
                compute()


def refuse_in_graph(what: str) -> None:
    """What CuPy raises an error for while a stream is captured."""
    if GPU.stream.is_capturing():
        raise RuntimeError(f"the current stream is capturing, so {what} are disallowed")


def run(compute: Callable[[], object]) -> None:
    """Run what writes into arrays, or record it while a stream is captured."""
    if GPU.stream.recorded is None:
        compute()
    else:
        GPU.stream.recorded.append(compute)


def result_of(compute: Callable[[], Any]) -> Any:
    """What NumPy computes; while a stream is captured an array that a graph will write into."""
    recorded = GPU.stream.recorded
    if recorded is None:
        return compute()
    with np.errstate(all="ignore"):
        example = compute()
    if isinstance(example, list | tuple):
        raise NotImplementedError("several results of one operation in a graph")
    result = np.empty_like(example)
    result[...] = np.nan if result.dtype.kind == "f" else 0

    def again() -> None:
        result[...] = compute()

    recorded.append(again)
    return result


def ask(kind: str, name: str, *values: Any) -> None:
    """Count an operation; all arrays among the values must be on the current device."""
    if kind == "product" and GPU.stream.is_capturing():
        raise NotImplementedError(
            "calling cuBLAS API during stream capture is currently unsupported"
        )
    if kind == "copy" and "the GPU" in name:
        refuse_in_graph("H2D transfers")
    arrays = list(arrays_in(values))
    for x in arrays:
        if x.number != GPU.current:
            raise ValueError(
                f"{name}: the device where the array resides ({x.number}) is different from the "
                f"current device ({GPU.current}). Peer access is unavailable"
            )
    if GPU.stream.is_capturing():
        return
    if not arrays or any(x.size for x in arrays):
        GPU.operations[f"{kind} {name}"] += 1


def arrays_in(value: Any) -> Iterator[Any]:
    """The arrays on a GPU, also inside lists and tuples."""
    if hasattr(value, "memory"):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from arrays_in(part)


GPU.reset()

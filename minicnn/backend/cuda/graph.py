"""CUDA graphs: a recording on a GPU, which computes nothing while it is made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..arrays import Array
from ..capture import Capture, Result
from ..devices import on_device_of


class CudaGraph(Capture):
    """A CUDA graph on one GPU.

    The memory of its arrays is a pool of its own. Intermediate results take turns in it, as they
    would in any program, and nothing else gets it. Cached arrays that a graph reads are kept too.
    CuPy raises an error for what waits, for copies from or to the CPU, and for cuBLAS.
    """

    def __init__(self, like: Array) -> None:
        with on_device_of(like):
            cuda = sys.modules["cupy"].cuda
            self._stream, self._pool = cuda.Stream(non_blocking=True), cuda.MemoryPool()
        super().__init__(like)

    def forget(self) -> None:
        super().forget()
        self._graph: Any = None

    def _warm_up(self, function: Callable[[], Result]) -> Result:
        cuda = sys.modules["cupy"].cuda
        with on_device_of(self._keys):
            current = cuda.get_current_stream()
            self._stream.wait_event(current.record())
            with self._stream, cuda.using_allocator(self._pool.malloc):
                result = function()
            current.wait_event(self._stream.record())
        return result

    def _record(self, function: Callable[[], Result]) -> Result:
        allocator = sys.modules["cupy"].cuda.using_allocator
        with on_device_of(self._keys), self._stream, allocator(self._pool.malloc):
            self._stream.begin_capture()
            try:
                result = function()
            except BaseException:
                with suppress(Exception):  # the error may have ended the capture already
                    self._stream.end_capture()
                raise
            self._graph = self._stream.end_capture()
        return result

    def _launch(self) -> None:
        self._graph.launch()

    def free_other_memory(self) -> None:
        """Give the memory that CuPy keeps for later arrays to the GPU, and so to the graph."""
        sys.modules["cupy"].get_default_memory_pool().free_all_blocks()

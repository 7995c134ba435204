"""A stand-in for CuPy: memory that claims to lie on a GPU, and kernels that the emulator runs.

It shows that CuPy is called correctly, not that a GPU computes correctly, and is as strict as CuPy
14 where a program for NumPy goes wrong: results are stored in the order of their axes, arrays are
not converted to NumPy silently, and everything happens on the current device. ``GPU`` counts what
a GPU would be asked to do: kernels, products, copies and fills, and how often the program waits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from minicnn.backend import devices, uploads
from minicnn.backend.cuda import nvrtc
from minicnn.backend.cuda.arguments import divisor_array, index_array
from minicnn.backend.cuda.runs import lists_on
from minicnn.backend.cuda.source import DIRECTORY, PIECES
from minicnn.backend.emulator import run as emulator
from minicnn.backend.emulator.array import EmulatorArray
from minicnn.backend.emulator.run import ArrayArgument, PiecesArgument
from minicnn.ops import convert

from .fake_array import ON_HOST, FakeArray, call, call_at
from .fake_gpu import GPU, FakeDevice, FakeStream, ask, run

__all__ = ["GPU", "FakeArray", "FakeCupy", "FakeDevice", "standing_in"]


class FakeModule:
    """RawModule: records in ``asked`` what it is called with."""

    asked: list[dict[str, Any]]

    def __init__(self, **asked: Any) -> None:
        self.asked.append(asked)
        self.source = next(
            path.name for path in DIRECTORY.glob("*.cu") if path.read_text("utf-8") == asked["code"]
        )

    def get_function(self, expression: str) -> Any:
        kernel, source = expression.split("<")[0], self.source

        def start(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            assert all(isinstance(n, tuple) for n in (grid, block, arguments))
            ask("kernel", kernel, *arguments)
            memory = [_argument(x, position) for position, x in enumerate(arguments)]
            run(lambda: emulator.run(source, expression, grid[0], block[0], memory))

        return start


def _argument(value: Any, position: int) -> Any:
    """An argument of a kernel as the emulator takes it."""
    if isinstance(value, FakeArray):
        return value.memory.view(EmulatorArray)
    if isinstance(value, np.void) and value.nbytes == 16 * PIECES:
        addresses, ends = np.frombuffer(value.tobytes(), np.int64).reshape(2, PIECES).tolist()
        sizes = np.diff([0, *ends]).tolist()
        pieces = [ArrayArgument(a, n, position) for a, n in zip(addresses, sizes, strict=True)]
        return PiecesArgument(tuple(pieces), tuple(ends))
    return value


class FakeCupy(ModuleType):
    """The module, with this many GPUs, a driver and a toolkit of these versions."""

    ndarray = FakeArray

    def __init__(self, gpus: int = 2, driver: int = 13000, toolkit: int = 13000) -> None:
        super().__init__("cupy")
        GPU.reset()
        runtime = SimpleNamespace(
            CUDARuntimeError=type("CUDARuntimeError", (RuntimeError,), {}),
            driverGetVersion=lambda: driver,
            runtimeGetVersion=lambda: toolkit,
            getDeviceCount=lambda: gpus,
            getDevice=lambda: GPU.current,
        )
        self.out_of_memory = type("OutOfMemoryError", (MemoryError,), {})
        self.broken = type("CompileException", (Exception,), {})
        self.cuda = SimpleNamespace(
            Device=FakeDevice,
            runtime=runtime,
            memory=SimpleNamespace(OutOfMemoryError=self.out_of_memory),
            Stream=FakeStream,
            get_current_stream=lambda: GPU.stream,
            MemoryPool=lambda: SimpleNamespace(malloc=None),
            using_allocator=lambda malloc: nullcontext(),
            compiler=SimpleNamespace(CompileException=self.broken),
        )
        self.RawModule = type("RawModule", (FakeModule,), {"asked": []})

    def get_default_memory_pool(self) -> Any:
        return SimpleNamespace(
            used_bytes=lambda: 3 << 20, free_bytes=lambda: 5 << 20, free_all_blocks=lambda: None
        )

    def asnumpy(self, x: Any) -> Any:
        assert isinstance(x, FakeArray)
        ask("copy", "to the CPU")
        host: Any = x.get()
        return host

    def array(self, x: Any, dtype: Any = None) -> Any:
        if isinstance(x, FakeArray):
            return x.copy("K") if dtype is None else x.astype(dtype)
        made = FakeArray(np.array(x, dtype))
        if made.ndim:
            order: Any = "F" if made.memory.flags.f_contiguous else "C"  # no other is kept
            made.memory = np.asarray(made.memory, order=order)
            ask("copy", "to the GPU")
        else:
            made.fill(made.memory.copy())
        return made

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if isinstance(x, FakeArray):
            return x if dtype is None else x.astype(dtype, copy=False)
        return self.array(x, dtype)

    def ascontiguousarray(self, x: FakeArray) -> FakeArray:
        return x if x.flags.c_contiguous else x.copy()

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found) or name in ON_HOST:
            return found

        def function(*args: Any, **options: Any) -> Any:
            return call(name, found, *args, **options)

        function.at = partial(call_at, found)  # type: ignore[attr-defined]
        return function


@contextmanager
def standing_in(**versions: int) -> Iterator[FakeCupy]:
    """CuPy is the stand-in inside the ``with`` statement, with nothing remembered from before."""
    remembered = (
        devices._count_gpus, nvrtc._compiled, index_array, divisor_array, lists_on,
        convert._constant,
    )  # fmt: skip

    def forget() -> None:
        uploads._latest.clear()
        for function in remembered:
            function.cache_clear()

    before, follows = sys.modules.get("cupy"), GPU.follows
    sys.modules["cupy"] = fake = FakeCupy(**versions)
    forget()
    try:
        yield fake
    finally:
        del sys.modules["cupy"]
        if before is not None:
            sys.modules["cupy"] = before
        GPU.reset()
        GPU.follows = follows
        forget()

"""A stand-in for CuPy: arrays that claim to lie on a GPU, and kernels that the emulator runs.

It shows that the launcher and the copies between devices call CuPy correctly, not that a GPU
computes correctly.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from minicnn.backend.cuda.source import DIRECTORY
from minicnn.backend.emulator import run as emulator
from minicnn.backend.emulator.array import EmulatorArray


class FakeDevice:
    """One of the GPUs; a context that makes it the current one."""

    current = 0

    def __init__(self, number: int) -> None:
        self.id, self.mem_info = number, (1 << 20, 1 << 30)

    def __enter__(self) -> None:
        self.before, FakeDevice.current = FakeDevice.current, self.id

    def use(self) -> None:
        FakeDevice.current = self.id

    def __exit__(self, *error: object) -> None:
        FakeDevice.current = self.before


class FakeArray(np.ndarray):
    """Memory of the GPU that was current when it was allocated; as strict as the emulator's."""

    number: int

    def __array_finalize__(self, source: Any) -> None:
        self.number = getattr(source, "number", FakeDevice.current)

    @property
    def device(self) -> Any:
        return FakeDevice(self.number)

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.__array_interface__

    def copy(self, order: Any = "C") -> Any:
        return self.view(np.ndarray).copy(order).view(FakeArray)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        known = (np.ndarray, np.generic, int, float, tuple)
        if not all(isinstance(x, known) for x in inputs):
            return NotImplemented
        if out is not None:
            options["out"] = emulated(out)
        result = getattr(ufunc, method)(*emulated(inputs), **options)
        return on_gpu(result) if out is None else out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return on_gpu(function(*emulated(args), **{k: emulated(v) for k, v in kwargs.items()}))

    def __setitem__(self, index: Any, value: Any) -> None:
        emulated(self)[index] = emulated(value)

    def __getitem__(self, index: Any) -> Any:
        return on_gpu(super().__getitem__(index))


def emulated(value: Any) -> Any:
    """The same memory as an array of the emulator, which cannot be mixed with arrays of the CPU."""
    if isinstance(value, list | tuple):
        return type(value)(map(emulated, value))
    return value.view(EmulatorArray) if isinstance(value, FakeArray) else value


def on_gpu(result: Any) -> Any:
    """A result of NumPy or the emulator, as arrays of the current GPU."""
    if isinstance(result, list | tuple):
        return type(result)(map(on_gpu, result))
    if isinstance(result, FakeArray) or not isinstance(result, np.ndarray | np.generic):
        return result
    return np.asarray(result).view(FakeArray)


class FakeModule:
    """RawModule: records in ``asked`` what it is called with."""

    asked: list[dict[str, Any]]

    def __init__(self, **asked: Any) -> None:
        self.asked.append(asked)
        self.source = next(
            path.name for path in DIRECTORY.glob("*.cu") if path.read_text("utf-8") == asked["code"]
        )

    def get_function(self, expression: str) -> Any:
        def start(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            assert all(isinstance(n, tuple) for n in (grid, block, arguments))
            emulator.run(self.source, expression, grid[0], block[0], list(arguments))

        return start


class FakeCupy(ModuleType):
    """The module, with this many GPUs, a driver and a toolkit of these versions."""

    ndarray = FakeArray

    def __init__(self, gpus: int = 2, driver: int = 13000, toolkit: int = 13000) -> None:
        super().__init__("cupy")
        runtime = SimpleNamespace(
            CUDARuntimeError=type("CUDARuntimeError", (RuntimeError,), {}),
            driverGetVersion=lambda: driver,
            runtimeGetVersion=lambda: toolkit,
            getDeviceCount=lambda: gpus,
        )
        self.full = type("OutOfMemoryError", (MemoryError,), {})
        self.broken = type("CompileException", (Exception,), {})
        self.cuda = SimpleNamespace(
            Device=FakeDevice,
            runtime=runtime,
            memory=SimpleNamespace(OutOfMemoryError=self.full),
            compiler=SimpleNamespace(CompileException=self.broken),
        )
        self.RawModule = type("RawModule", (FakeModule,), {"asked": []})

    def get_default_memory_pool(self) -> Any:
        return SimpleNamespace(used_bytes=lambda: 3 << 20, free_bytes=lambda: 5 << 20)

    def asnumpy(self, x: Any) -> Any:
        assert isinstance(x, FakeArray)
        return np.ascontiguousarray(x.view(np.ndarray))

    def array(self, x: Any) -> Any:
        assert type(x) is np.ndarray
        return on_gpu(x.copy())

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found

        def function(*args: Any, **options: Any) -> Any:
            keywords = {key: emulated(value) for key, value in options.items()}
            return on_gpu(found(*emulated(args), **keywords))

        if isinstance(found, np.ufunc):
            function.at = found.at  # type: ignore[attr-defined]
        return function

"""Device names: what a user may ask for, and a clear error when it is unavailable."""

from __future__ import annotations

import importlib
import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import cache
from types import ModuleType, TracebackType
from typing import Any, TypeGuard

import numpy as np

from .arrays import Array, device_of, is_gpu_array
from .emulator.array import EmulatorArray
from .errors import DeviceError
from .layout import inverse_axes, storage_axes
from .native.array import NativeArray
from .native.record import RecordingArray, current_recording
from .toolkit import check_toolkit

_TYPES = {"cpu": np.ndarray, "native": NativeArray, "emulator": EmulatorArray}


def resolve_device(name: str | None = None) -> str:
    """The full name of a device that can be used: "cpu", "native", "emulator", "cuda:0", ...

    "cuda" is "cuda:0"; None means the default device. Raises DeviceError that says what is missing
    and what to install.
    """
    if name is None:
        return default_device.current()
    if name == "cpu":
        return name
    if name in ("emulator", "native"):
        _check_compiler(name)
        return name
    if isinstance(name, str) and re.fullmatch(r"cuda(:\d+)?", name):
        number = int(name[5:] or 0)
        try:
            gpus = _count_gpus()
        except DeviceError as error:
            raise DeviceError(f'device "{name}": {error}') from error
        if number < gpus:
            return f"cuda:{number}"
        last = f'"cuda:{gpus - 1}"'
        raise DeviceError(f'device "{name}": {gpus} GPUs were found, the last one is {last}')
    raise DeviceError(
        f'device: got {name!r}, expected "cpu", "native", "cuda", "cuda:1" or "emulator"'
    )


def is_available(device: str) -> bool:
    """Whether a device can be used here; ``resolve_device`` says why not."""
    try:
        resolve_device(device)
    except DeviceError:
        return False
    return True


def cuda_is_available() -> bool:
    """Whether ``device="cuda"`` works here; ``minicnn devices`` says why not.

    >>> device = "cuda" if mc.cuda_is_available() else "cpu"
    """
    return is_available("cuda")


def is_device_name(target: object) -> TypeGuard[str]:
    """Whether ``x.to(target)`` means a device ("cuda:1") and not a dtype ("float64")."""
    return isinstance(target, str) and target.split(":")[0] in ("cpu", "native", "cuda", "emulator")


def to_device(x: Array, device: str) -> Array:
    """The array on a device, in the same memory order: x itself if it is there already."""
    device = resolve_device(device)
    if device_of(x) == device:
        return x
    if isinstance(x, np.ndarray) and not device.startswith("cuda"):
        if "emulator" in (device, device_of(x)):
            x = x.copy(order="K")  # as if it went to another memory
        if current_recording() is not None:
            return _recorded(x, device)
        return x.view(_TYPES[device])
    axes = storage_axes(x)
    stored = _copied(x.transpose(axes), device)
    return stored if axes == tuple(range(x.ndim)) else stored.transpose(inverse_axes(axes))


def _recorded(x: Array, device: str) -> Array:
    """The array on the native device, as a recording sees it."""
    if device == "native":
        return x.view(RecordingArray)
    if isinstance(x, RecordingArray):
        raise RuntimeError(f"an array goes to the device {device!r}")
    return x.view(_TYPES[device])


def _copied(x: Array, device: str) -> Array:
    """A copy of x, to or from a GPU, or from one to another."""
    cupy = _cupy()
    if not device.startswith("cuda"):
        host: Array = cupy.asnumpy(x)
        return host.view(_TYPES[device])
    target = cupy.cuda.Device(int(device[5:]))
    with target:
        if is_gpu_array(x):
            copied: Array = x.copy()
        else:
            # With an axis: an array without axes is made by a fill, which loses the sign of -0.0.
            copied = cupy.array(np.atleast_1d(np.asarray(x))).reshape(x.shape)
    target.use()  # for what users compute from it with CuPy; ops enter the device of their inputs
    return copied


def on_device_of(x: Array) -> AbstractContextManager[None]:
    """A context in which new arrays and kernels go to the GPU of x; a full GPU says what helps."""
    if type(x) is np.ndarray or not is_gpu_array(x):
        return _ANYWHERE
    memory: Any = x.data
    here = sys.modules["cupy"].cuda.runtime.getDevice()
    return _HERE if memory.device_id == here else _OnGpu(memory.device_id)


class _OnCurrentGpu(AbstractContextManager[None]):
    """A class and not a generator, which would cost every op on a GPU some microseconds."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            _explain_full_gpu(error)


class _OnGpu(_OnCurrentGpu):
    """The same after a change to another GPU, and back at the end."""

    def __init__(self, number: int) -> None:
        self._device = sys.modules["cupy"].cuda.Device(number)

    def __enter__(self) -> None:
        self._device.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
        finally:
            self._device.__exit__()


def _explain_full_gpu(error: BaseException) -> None:
    """Raise MemoryError that says what is in use, if it is CuPy's error for a full GPU."""
    cupy = sys.modules["cupy"]
    if not isinstance(error, cupy.cuda.memory.OutOfMemoryError):
        return
    device, pool = cupy.cuda.Device(), cupy.get_default_memory_pool()
    free, total = device.mem_info
    mib = [f"{n / 2**20:,.0f}" for n in (pool.used_bytes(), pool.free_bytes(), free, total)]
    raise MemoryError(
        f"cuda:{device.id}: {error}. Arrays in use hold {mib[0]} MiB, {mib[1]} MiB are "
        f"kept for later arrays, and {mib[2]} of {mib[3]} MiB are free. Use a smaller batch, "
        "or release the kept memory: cupy.get_default_memory_pool().free_all_blocks()"
    ) from error


_HERE = _OnCurrentGpu()
_ANYWHERE = nullcontext()


class default_device:  # noqa: N801 - reads like a function: default_device("cpu")
    """Set the device of new tensors and parameters; in a ``with`` statement only inside it.

    It is initially the environment variable MINICNN_DEVICE, or "cpu". It is a context variable:
    what one thread or asyncio task sets, no other sees, and a new thread begins with the initial
    device. Raises DeviceError.

    >>> with mc.default_device("cpu"):
    ...     mc.tensor([1.0]).device
    'cpu'
    """

    def __init__(self, name: str) -> None:
        self.device, self._is_block = resolve_device(name), False
        chosen = _chosen.get()
        if not any(other._is_block for other in chosen[-2:]):
            chosen = (*chosen[:-2], *chosen[-1:])  # the last but one never returns
        _chosen.set((*chosen, self))

    def __enter__(self) -> None:
        self._is_block = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        chosen = _chosen.get()
        if self in chosen:
            place = chosen.index(self)
            # Blocks of generators may end in any order; a choice without a block ends with this.
            inner = (other for other in chosen[place + 1 :] if other._is_block)
            _chosen.set((*chosen[:place], *inner))

    @staticmethod
    def current() -> str:
        """The current default device."""
        chosen = _chosen.get()
        return chosen[-1].device if chosen else _initial_device()


_chosen: ContextVar[tuple[default_device, ...]] = ContextVar("default_device", default=())


@cache
def _initial_device() -> str:
    return resolve_device(os.environ.get("MINICNN_DEVICE") or "cpu")


@cache
def _check_compiler(device: str) -> None:
    """Raise DeviceError unless there is a C++ compiler that the device can use.

    Also for a wrong environment variable, rather than in the middle of a network.
    """
    launcher = importlib.import_module(f".{device}.run", __package__)
    if device == "native":
        launcher.compiler_command()
        launcher.thread_count()
    else:
        importlib.import_module(".compiler", __package__).find_compiler(device)
        launcher.launch_order()


def _cupy() -> ModuleType:
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        raise DeviceError(
            "CuPy is missing or broken: pip install 'cupy-cuda13x[ctk]' for CUDA 13, "
            "'cupy-cuda12x[ctk]' for CUDA 12; it needs an NVIDIA GPU (without one, use "
            f'device="emulator"). {type(error).__name__}: {error}'
        ) from error


@cache
def _count_gpus() -> int:
    """How many GPUs CuPy can use, at least one. Raises DeviceError that says what is missing."""
    cupy = _cupy()
    runtime = cupy.cuda.runtime
    advice = 'without a GPU, use device="emulator"'
    try:
        driver, toolkit = runtime.driverGetVersion(), runtime.runtimeGetVersion()
        if driver == 0:
            raise DeviceError(f"no NVIDIA driver is installed; {advice}")
        if driver // 1000 < toolkit // 1000:
            raise DeviceError(
                f"the NVIDIA driver supports CUDA {_version(driver)}, but this CuPy was built for "
                f"CUDA {_version(toolkit)}: update the driver, or pip install "
                f"'cupy-cuda{driver // 1000}x[ctk]'"
            )
        gpus = int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        raise DeviceError(f"CuPy found no usable NVIDIA GPU ({error}); {advice}") from error
    check_toolkit(cupy, toolkit)
    return gpus


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"

"""Device names: what a user may ask for, and a clear answer when it is not to be had."""

from __future__ import annotations

import importlib
import os
import re
from types import TracebackType

import numpy as np

from .arrays import Array, device_of

__all__ = [
    "DeviceError",
    "cuda_is_available",
    "default_device",
    "is_device_name",
    "resolve_device",
    "to_device",
]


class DeviceError(RuntimeError):
    """A device that minicnn does not know or cannot use on this machine."""


def resolve_device(name: str | None = None) -> str:
    """The full name of a device that can be used, "cpu" for now; None means the default device.

    Raises DeviceError that says what is missing and what to install.
    """
    if name is None:
        return default_device.current()
    if name == "cpu":
        return name
    if isinstance(name, str) and re.fullmatch(r"cuda(:\d+)?", name):
        raise DeviceError(f'device "{name}": {_why_no_cuda()}')
    raise DeviceError(f'device: got {name!r}, expected "cpu", "cuda" or "cuda:1"')


def cuda_is_available() -> bool:
    """Whether ``device="cuda"`` works here. This version has no CUDA kernels: always False."""
    return False


def is_device_name(target: object) -> bool:
    """Whether ``x.to(target)`` means a device ("cuda:1") and not a dtype ("float64")."""
    return isinstance(target, str) and target.split(":")[0] in ("cpu", "cuda", "emulator")


def to_device(x: Array, device: str) -> Array:
    """The array on a device: x itself if it is there already."""
    if device_of(x) == resolve_device(device):
        return x
    return np.asarray(x)


class default_device:  # noqa: N801 - reads like a function: default_device("cpu")
    """Set the device on which tensors and parameters are made; in a ``with`` only inside it.

    It starts as the environment variable MINICNN_DEVICE, or "cpu". Raises DeviceError.
    """

    _name: str | None = None

    def __init__(self, name: str) -> None:
        self._before = default_device._name
        default_device._name = resolve_device(name)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        default_device._name = self._before

    @staticmethod
    def current() -> str:
        """The name in force."""
        if default_device._name is None:
            default_device._name = resolve_device(os.environ.get("MINICNN_DEVICE") or "cpu")
        return default_device._name


def _why_no_cuda() -> str:
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        return (
            "CuPy is not installed; it comes with pip install 'cupy-cuda13x[ctk]' (CUDA 13) "
            "or 'cupy-cuda12x[ctk]' (CUDA 12) and needs an NVIDIA GPU; this version of minicnn has "
            "no CUDA kernels yet, so use cpu in any case"
        )
    try:
        gpus = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CuPy is installed but finds no NVIDIA GPU ({error})"
    return f"CuPy sees {gpus} GPU(s), but this version of minicnn has no CUDA kernels yet; use cpu"

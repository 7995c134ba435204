"""Sums over GPUs: NCCL, through CuPy."""

from __future__ import annotations

import sys
from typing import Any

from .arrays import Array
from .devices import on_device_of, resolve_device
from .errors import DeviceError


def _nccl() -> Any:
    from cupy.cuda import nccl

    if not getattr(nccl, "available", True):
        raise DeviceError(
            "several processes with GPUs need NCCL, which CuPy does not find: pip install "
            "nvidia-nccl-cu13 for CUDA 13, nvidia-nccl-cu12 for CUDA 12"
        )
    return nccl


def unique_id() -> Any:
    """What all processes of a communicator must know."""
    return _nccl().get_unique_id()


class Nccl:
    """A communicator of ``size`` processes, each on its own GPU; this one has number ``rank``."""

    def __init__(self, device: str, rank: int, size: int, key: Any) -> None:
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(int(resolve_device(device)[5:])):
            self._communicator = _nccl().NcclCommunicator(size, key, rank)

    def all_reduce(self, x: Array, operation: str) -> None:
        """Replace an array without gaps by its sum over all processes, or its largest values."""
        nccl, memory = _nccl(), x.data
        kinds = {"f4": nccl.NCCL_FLOAT32, "f8": nccl.NCCL_FLOAT64, "i4": nccl.NCCL_INT32,
                 "i8": nccl.NCCL_INT64}  # fmt: skip
        operations = {"sum": nccl.NCCL_SUM, "max": nccl.NCCL_MAX}
        with on_device_of(x):
            stream = sys.modules["cupy"].cuda.get_current_stream()
            address: Any = memory.ptr  # type: ignore[attr-defined]
            self._communicator.allReduce(
                address, address, x.size, kinds[x.dtype.str[1:]], operations[operation], stream.ptr
            )

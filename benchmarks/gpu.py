"""What the benchmarks on a GPU share: which device, its name, and how a step on it is timed.

A step, any function that starts work on the GPU, has three times:

- host: what Python takes to queue the work, without waiting for the GPU
- wall: from one step to the next, whichever of the two is slower
- gpu: what the GPU takes, without gaps between kernels

A kernel of a few microseconds ends before Python has queued the next one, so its wall time is that
of the launch. For its GPU time, many steps are queued behind a kernel that only spins; two CUDA
events then measure how long the GPU takes for them. The emulator and the CPU have only wall time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
from minicnn.backend import resolve_device

from .contest import Step
from .networks import torch_step

__all__ = [
    "Times",
    "add_device",
    "chosen_device",
    "device_name",
    "gpu_times",
    "torch_on",
    "torch_step_on",
    "wait",
]

LEAST = 0.03  # approximate seconds for each of the three times, per round
MOST_CALLS = 50  # queued at a time, fewer launches than the queue of a GPU holds for one kernel
SPIN_RATE = 3e9  # clock cycles per second, at least those of any GPU
SPIN = """
extern "C" __global__ void spin(long long cycles) {
    long long start = clock64();
    while (clock64() - start < cycles) {}
}
"""


class Times(NamedTuple):
    """Seconds per step; see the docstring of the module."""

    host: float
    wall: float
    gpu: float


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option --device."""
    parser.add_argument("--device", help='default: "cuda", with --quick also "emulator"')


def chosen_device(options: argparse.Namespace) -> str:
    """The device of the options; the program ends with a message if it is not available."""
    usual = "emulator" if options.quick and not mc.cuda_is_available() else "cuda"
    try:
        return resolve_device(options.device or usual)
    except mc.DeviceError as error:
        sys.exit(f"benchmarks: {error}")


def device_name(device: str) -> str:
    """The model of a GPU with the versions of its software; the name of any other device."""
    if not device.startswith("cuda"):
        return device
    import cupy

    runtime, number = cupy.cuda.runtime, int(device[5:])
    model = runtime.getDeviceProperties(number)["name"].decode()
    capability = cupy.cuda.Device(number).compute_capability
    return (
        f"{model}, compute capability {int(capability) / 10}, CuPy {cupy.__version__}, driver "
        f"{runtime.driverGetVersion()}, runtime {runtime.runtimeGetVersion()}, "
        f"NVRTC {'.'.join(map(str, cupy.cuda.nvrtc.getVersion()))}"
    )


def torch_on(device: str) -> bool:
    """Whether PyTorch sees that GPU; it is then set to compute without TF32."""
    if not device.startswith("cuda"):
        return False
    try:
        import torch
    except ImportError:
        return False
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    return bool(torch.cuda.is_available())


def torch_step_on(device: str, network: str, batch: int) -> Step | None:
    """PyTorch's step on that GPU; None if either is missing."""
    return torch_step(network, batch, device=device) if torch_on(device) else None


def wait(device: str) -> None:
    """Wait until a GPU has finished what is queued."""
    if device.startswith("cuda"):
        import cupy

        cupy.cuda.Device(int(device[5:])).synchronize()


def gpu_times(step: Step, device: str, rounds: int = 3, least: float = LEAST) -> Times:
    """The three times of a step, medians of the rounds, after a warm-up.

    Only the current stream is measured, for CuPy and PyTorch by default the same. A step that
    itself waits for the GPU has no GPU time of its own; it is then about the wall time.
    """
    first = _seconds(step, device, 1)  # compiles kernels, fills the memory pool
    first = min(first, _seconds(step, device, 1))
    if not device.startswith("cuda"):
        seconds = statistics.median(_seconds(step, device, 1) for _ in range(rounds))
        return Times(seconds, seconds, seconds)
    calls = max(3, min(MOST_CALLS, round(least / first)))
    host, wall, on_gpu = [], [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            step()
        host.append((time.perf_counter() - start) / calls)
        wait(device)
        wall.append(_seconds(step, device, calls))
        on_gpu.append(_gpu_time(step, calls, host[-1] * calls))
    return Times(*map(statistics.median, (host, wall, on_gpu)))


def _seconds(step: Step, device: str, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    wait(device)
    return (time.perf_counter() - start) / calls


def _gpu_time(step: Step, calls: int, queueing: float) -> float:
    """Seconds per step of the GPU, for which that many seconds of queueing are expected."""
    import cupy

    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    milliseconds = 0.0
    for longer in (1.5, 3, 6):  # until the GPU still spins when everything is queued
        cycles = np.int64(longer * (queueing + 1e-3) * SPIN_RATE)
        _spin()((1,), (1,), (cycles,))
        start.record()
        for _ in range(calls):
            step()
        end.record()
        is_ahead = not start.done
        end.synchronize()
        milliseconds = cupy.cuda.get_elapsed_time(start, end)
        if is_ahead:
            break
    return milliseconds / 1e3 / calls


@cache
def _spin() -> Any:
    """The spinning kernel."""
    import cupy

    return cupy.RawKernel(SPIN, "spin")

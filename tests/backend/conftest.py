"""A stand-in for CuPy, for tests that ask for the fixture ``cupy``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from support.fake_cupy import FakeCupy, standing_in

from minicnn.backend import DeviceError, resolve_device


@pytest.fixture
def cupy() -> Iterator[FakeCupy]:
    """Two GPUs, of which the first is the current one."""
    try:
        resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))
    with standing_in() as fake:
        yield fake


@pytest.fixture(autouse=True)
def on_the_gpu(request: pytest.FixtureRequest) -> Iterator[None]:
    """Kernels are called here without an op, which would enter the GPU of its inputs."""
    call = getattr(request.node, "callspec", None)
    device = str(call.params.get("device", "cpu")) if call else "cpu"
    known = sys.modules.get("cupy")
    on_gpu = device.startswith("cuda:") and known is not None
    with known.cuda.Device(int(device[5:])) if on_gpu else nullcontext():
        yield

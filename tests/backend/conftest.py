"""A stand-in for CuPy, for tests that ask for the fixture ``cupy``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.fake_cupy import GPU, FakeCupy

from minicnn import ops
from minicnn.backend import DeviceError, devices, uploads
from minicnn.backend.cuda import nvrtc
from minicnn.backend.cuda.arguments import divisor_array, index_array


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCupy]:
    """Two GPUs, of which the first is the current one."""
    try:
        devices.resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))
    remembered = (
        devices._count_gpus, nvrtc._compiled, index_array, divisor_array, ops.convert._constant
    )  # fmt: skip
    follows, fake = GPU.follows, FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(uploads, "_latest", {})
    for function in remembered:
        function.cache_clear()
    yield fake
    GPU.reset()
    GPU.follows = follows
    for function in remembered:
        function.cache_clear()

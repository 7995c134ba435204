"""A stand-in for CuPy, for tests that ask for the fixture ``cupy``."""

from __future__ import annotations

from collections.abc import Iterator

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

"""Tests where not all libraries are installed, as on a machine with only NumPy, CuPy, and pytest.

A test file that imports one of them begins with ``pytest.importorskip``, and a test that starts a
program which needs one calls ``skip_without``. Other tests find out when minicnn imports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

LIBRARIES = ("PIL", "certifi", "matplotlib", "onnx", "onnxruntime", "pooch", "safetensors", "tqdm")
MISSING = [name for name in LIBRARIES if find_spec(name) is None]


def skip_without(*libraries: str) -> None:
    """Skip a test if one of these is not installed."""
    for name in libraries:
        if name in MISSING:
            pytest.skip(f"{name} is not installed")


@contextmanager
def skip_if_missing() -> Iterator[None]:
    """Skip a test that fails because a library is not installed.

    It may fail with the output of another program. Libraries that a test only hides are installed.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            skip_without(*re.findall(r"No module named '(\w+)", str(cause)))
            cause = cause.__cause__
        raise

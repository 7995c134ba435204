"""Tests where not all libraries are installed, as on a machine with only NumPy, CuPy, and pytest.

A test file that imports one of them begins with ``pytest.importorskip``. Other tests find out when
minicnn imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

LIBRARIES = ("PIL", "matplotlib", "onnx", "onnxruntime", "pooch", "safetensors", "tqdm")
MISSING = [name for name in LIBRARIES if find_spec(name) is None]


@contextmanager
def skip_if_missing() -> Iterator[None]:
    """Skip a test that fails because a library is not installed; the reason names it.

    Not one that a test itself hides, to see what happens without it.
    """
    try:
        yield
    except ImportError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ImportError) and (cause.name or "").split(".")[0] in MISSING:
                pytest.skip(f"{cause.name} is not installed")
            cause = cause.__cause__
        raise

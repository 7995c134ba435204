"""What every test gets: a hypothesis profile, seeded random numbers, NumPy errors raised."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import minicnn as mc
from minicnn.autograd.modes import state

TORCH_IS_MISSING = "torch is not installed"

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
for _name, _examples in {"quick": 25, "thorough": 200, "exhaustive": 2000}.items():
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=SLOW_IS_FINE,
    )
# pytest's own option --hypothesis-profile comes later and wins.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers in every test, whichever tests ran before."""
    mc.manual_seed(0)


@pytest.fixture(autouse=True)
def numpy_raises() -> Iterator[None]:
    """An overflow, a division by zero or an invalid operation is an error; underflow is not."""
    before = np.seterr(all="raise", under="ignore")
    yield
    np.seterr(**before)


@pytest.fixture(autouse=True)
def modes_restored() -> Iterator[None]:
    """A test that spoils the modes of its thread fails alone."""
    yield
    state.grad_enabled, state.detect_anomaly = True, False


@pytest.fixture
def deep_recursion_fails() -> Iterator[None]:
    """Code that recurses once for each op of a long chain has no chance."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(min(before, 1000))
    yield
    sys.setrecursionlimit(before)


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch; the test is skipped where it is missing."""
    return pytest.importorskip("torch", reason=TORCH_IS_MISSING)

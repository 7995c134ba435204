"""For every test: a hypothesis profile, devices, seeded random numbers, NumPy errors raised.

A test with an argument ``device`` runs on each: ``pytest --device cuda --device cpu``.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

# Before NumPy is imported: for matrices as small as these, threads of BLAS wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from support.fake_cupy import GPU, FakeCupy
from support.missing import skip_if_missing
from support.slow import is_slow

import minicnn as mc
from minicnn.autograd.modes import no_grads, observers
from minicnn.backend import DeviceError, resolve_device

TORCH_IS_MISSING = "torch is not installed"

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
for _name, _examples in {
    "few": 3,
    "quick": 25,
    "careful": 100,
    "thorough": 200,
    "exhaustive": 2000,
}.items():
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=SLOW_IS_FINE,
    )
# pytest's own option --hypothesis-profile comes later and wins.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        action="append",
        metavar="NAME",
        help="run the tests that have an argument 'device' only on this device; may be repeated "
        "(default: cpu, native and emulator, and cuda if there is a GPU)",
    )
    parser.addoption(
        "--stand-in",
        action="store_true",
        help="put a stand-in for CuPy in its place, whose current GPU is cuda:0 whatever happens: "
        "pytest --stand-in --device cuda:1",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Draw few examples without the slow tests; refuse a device that is not available.

    A run that skips every test of a device would look like a run on it.
    """
    if is_quick(config) and "HYPOTHESIS_PROFILE" not in os.environ:
        settings.load_profile("few")
    if config.getoption("--stand-in"):
        sys.modules["cupy"] = FakeCupy()
        GPU.follows = False
    for name in config.getoption("--device") or []:
        try:
            resolve_device(name)
        except DeviceError as error:
            raise pytest.UsageError(f"--device {name}: {error}") from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test with an argument "device" on each, unless it is parametrised with its own."""
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "device" in metafunc.fixturenames and not any("device" in names for names in named):
        metafunc.parametrize("device", _devices(metafunc.config))


def is_quick(config: pytest.Config) -> bool:
    """Whether this is the quick selection."""
    return "not slow" in config.option.markexpr


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Importing PyTorch takes seconds, so the quick selection does not open what is about it."""
    return True if is_quick(config) and collection_path.name.startswith("test_torch") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_slow(item):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """See ``skip_if_missing``; fixtures may need a library, too."""
    with skip_if_missing():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """See ``skip_if_missing``."""
    with skip_if_missing():
        return (yield)


def pytest_collection_finish() -> None:
    """Tests that collect garbage need not look for it among all the tests."""
    gc.collect()
    gc.freeze()


@cache
def _devices(config: pytest.Config) -> list[Any]:
    asked = config.getoption("--device")
    if asked:
        return list(dict.fromkeys(resolve_device(name) for name in asked))
    return ["cpu", *map(_or_skipped, ("native", "emulator")), *["cuda:0"] * mc.cuda_is_available()]


def _or_skipped(device: str) -> Any:
    """The device as a parameter of tests, which are skipped without a compiler."""
    try:
        return resolve_device(device)
    except DeviceError as error:
        return pytest.param(device, marks=pytest.mark.skip(reason=str(error)))


@pytest.fixture(autouse=True)
def like_a_fresh_process() -> Iterator[None]:
    """Whichever tests ran before: the same random numbers, strict NumPy, the modes as they were.

    An overflow, a division by zero or an invalid operation is an error; underflow is not. One
    fixture and not three, which would cost thousands of short tests some seconds.
    """
    mc.manual_seed(0)
    before = np.seterr(all="raise", under="ignore")
    yield
    np.seterr(**before)
    no_grads.set(())
    observers.set(())


@pytest.fixture
def deep_recursion_fails() -> Iterator[None]:
    """Code that recurses once for each op of a long chain fails."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(min(before, 1000))
    yield
    sys.setrecursionlimit(before)


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch; the test is skipped where it is missing."""
    return pytest.importorskip("torch", reason=TORCH_IS_MISSING)

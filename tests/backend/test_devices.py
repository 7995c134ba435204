"""Device names: what may be asked for, and the one clear answer when it is not to be had."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.backend import DeviceError, device_of, resolve_device, to_device
from minicnn.backend.devices import default_device


@pytest.fixture(autouse=True)
def default_is_unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MINICNN_DEVICE", raising=False)
    monkeypatch.setattr(default_device, "_name", None)
    return None


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:12"])
@pytest.mark.usefixtures("no_cupy")
def test_cuda_without_cupy_says_what_to_install(name: str) -> None:
    message = rf'device "{name}": CuPy is not installed.*cupy-cuda13x\[ctk'
    for ask in (resolve_device, mc.default_device, lambda n: mc.tensor([1.0], device=n)):
        with pytest.raises(DeviceError, match=message):
            ask(name)
    with pytest.raises(DeviceError, match="CuPy is not installed"):
        mc.tensor([1.0]).to(name)
    assert resolve_device() == "cpu"
    assert not mc.cuda_is_available()


@pytest.mark.parametrize(
    "name", ["gpu", "", "CPU", "cuda:", "cuda:a", "cuda:-1", "cuda:1:2", " cpu", 0, True, b"cpu"]
)
def test_unknown_names(name: Any) -> None:
    with pytest.raises(DeviceError, match='device: got .*expected "cpu", "cuda" or "cuda:1"'):
        resolve_device(name)
    with pytest.raises(DeviceError, match="device: got"):
        mc.default_device(name)


class FakeCupy(ModuleType):
    """A CuPy that sees the given number of GPUs, or fails to."""

    def __init__(self, gpus: int | None) -> None:
        super().__init__("cupy")
        error = type("CUDARuntimeError", (RuntimeError,), {})

        def count() -> int:
            if gpus is None:
                raise error("no driver")
            return gpus

        runtime = type("runtime", (), {"CUDARuntimeError": error, "getDeviceCount": count})
        self.cuda = type("cuda", (), {"runtime": runtime})
        self.ndarray = type("ndarray", (), {})


@pytest.mark.parametrize(("gpus", "why"), [(None, "finds no NVIDIA GPU .no driver"), (2, "2 GPU")])
def test_cupy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, gpus: int | None, why: str
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", FakeCupy(gpus))
    with pytest.raises(DeviceError, match=why):
        resolve_device("cuda")


def test_default_device_sets() -> None:
    assert default_device.current() == "cpu"
    mc.default_device("cpu")
    assert resolve_device() == "cpu"
    assert mc.tensor([1.0]).device == "cpu"


def test_default_device_as_context_restores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minicnn.backend.devices.resolve_device", lambda name: name)
    mc.default_device("first")
    with mc.default_device("second"):
        assert default_device.current() == "second"
        with mc.default_device("third"):
            assert default_device.current() == "third"
        assert default_device.current() == "second"
    assert default_device.current() == "first"
    with pytest.raises(KeyError), mc.default_device("second"):
        raise KeyError
    assert default_device.current() == "first"


def test_a_refused_default_changes_nothing() -> None:
    mc.default_device("cpu")
    with pytest.raises(DeviceError):
        mc.default_device("nonsense")
    assert default_device.current() == "cpu"


@pytest.mark.parametrize("value", ["cpu", ""])
def test_environment_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MINICNN_DEVICE", value)
    assert default_device.current() == "cpu"


@pytest.mark.usefixtures("no_cupy")
def test_environment_variable_is_refused_when_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINICNN_DEVICE", "cuda")
    with pytest.raises(DeviceError, match="CuPy is not installed"):
        mc.tensor([1.0])


def test_environment_variable_in_a_fresh_process() -> None:
    """The import works whatever the variable says; the first tensor says what is wrong."""
    code = (
        "import minicnn as mc\ntry: mc.tensor([1.0])\nexcept mc.DeviceError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MINICNN_DEVICE": "toaster", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "device: got 'toaster', expected" in run.stdout


def test_to_device_is_free_when_already_there() -> None:
    x = np.zeros(3)
    assert to_device(x, "cpu") is x
    assert device_of(x) == "cpu"
    assert device_of(np.zeros(3, np.float32)[0]) == "cpu"

"""Device names, the one clear error when a device is unavailable, arrays on the emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops
from minicnn.backend import (
    DeviceError,
    array_module,
    device_of,
    devices,
    is_array,
    resolve_device,
    to_device,
)
from minicnn.backend.arrays import EmulatorArray
from minicnn.backend.devices import default_device
from minicnn.testing.strategies import MEMORY_ORDERS, in_order


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No default device is set, and the installed libraries are looked for again."""
    monkeypatch.delenv("MINICNN_DEVICE", raising=False)
    monkeypatch.setattr(devices, "_chosen", ContextVar("chosen", default=()))
    for look in (devices._check_compiler, devices._count_gpus, devices._initial_device):
        monkeypatch.setattr(devices, look.__name__, look.__wrapped__)


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:12"])
@pytest.mark.usefixtures("no_cupy")
def test_cuda_without_cupy_says_what_to_install(name: str) -> None:
    message = rf'device "{name}": CuPy is missing or broken.*cupy-cuda13x\[ctk\]'
    for ask in (resolve_device, mc.default_device, lambda n: mc.tensor([1.0], device=n)):
        with pytest.raises(DeviceError, match=message):
            ask(name)
    with pytest.raises(DeviceError, match="CuPy is missing or broken"):
        mc.tensor([1.0]).to(name)
    assert resolve_device() == "cpu"
    assert not mc.cuda_is_available()


@pytest.mark.parametrize(
    "name",
    ["gpu", "", "CPU", "cuda:", "cuda:a", "cuda:-1", "cuda:1:2", " cpu", "emulator:0", 0, b"cpu"],
)
def test_unknown_names(name: Any) -> None:
    with pytest.raises(
        DeviceError, match='device: got .*expected "cpu", "native", "cuda", "cuda:1" or "emul'
    ):
        resolve_device(name)
    with pytest.raises(DeviceError, match="device: got"):
        mc.default_device(name)


class FakeCupy(ModuleType):
    """A CuPy for CUDA 13 with a driver for the CUDA of this number, that sees so many GPUs."""

    def __init__(self, driver: int, gpus: int | None) -> None:
        super().__init__("cupy")
        error = type("CUDARuntimeError", (RuntimeError,), {})

        class Runtime:
            CUDARuntimeError = error
            driverGetVersion = staticmethod(lambda: driver)  # noqa: N815 - CuPy's name
            runtimeGetVersion = staticmethod(lambda: 13010)  # noqa: N815

            @staticmethod
            def getDeviceCount() -> int:  # noqa: N802
                if gpus is None:
                    raise error("cudaErrorNoDevice: no CUDA-capable device is detected")
                return gpus

        self.cuda = type("cuda", (), {"runtime": Runtime})
        self.ndarray = type("ndarray", (), {})


@pytest.mark.parametrize(
    ("driver", "gpus", "name", "why"),
    [
        (0, None, "cuda", "no NVIDIA driver is installed"),
        (12040, 1, "cuda", "the NVIDIA driver supports CUDA 12.4, but this CuPy was built for CUDA "
         r"13.1: update the driver, or pip install 'cupy-cuda12x\[ctk\]'"),
        (13000, None, "cuda:1", "CuPy found no usable NVIDIA GPU .cudaErrorNoDevice"),
        (13000, 2, "cuda:5", '2 GPUs were found, the last one is "cuda:1"'),
    ],
)  # fmt: skip
def test_cupy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, driver: int, gpus: int | None, name: str, why: str
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", FakeCupy(driver, gpus))
    with pytest.raises(DeviceError, match=f'^device "{name}": {why}'):
        resolve_device(name)
    assert mc.cuda_is_available() == (gpus == 2)


@pytest.mark.parametrize("driver", [13000, 13020, 14000])
def test_cupy_that_can_be_used(monkeypatch: pytest.MonkeyPatch, driver: int) -> None:
    monkeypatch.setitem(sys.modules, "cupy", FakeCupy(driver, 2))
    names = [resolve_device(name) for name in ("cuda", "cuda:0", "cuda:1")]
    assert names == ["cuda:0", "cuda:0", "cuda:1"]
    assert mc.cuda_is_available()


def test_the_emulator_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for ask in (resolve_device, lambda name: mc.tensor([1.0], device=name), mc.default_device):
        with pytest.raises(DeviceError, match='device "emulator": no C.. compiler.*CXX'):
            ask("emulator")
    monkeypatch.setattr(shutil, "which", {"my-compiler": "/opt/my-compiler"}.get)
    monkeypatch.setenv("CXX", "my-compiler")
    assert resolve_device("emulator") == "emulator"


def test_a_compiler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", {"c++": "/usr/bin/c++"}.get)
    monkeypatch.setenv("CXX", "ccache c++")
    with pytest.raises(
        DeviceError, match="CXX: got 'ccache c..', expected a C.. compiler, without"
    ):
        resolve_device("emulator")


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


def test_blocks_of_generators_end_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "resolve_device", lambda name: name)

    def block(name: str) -> Iterator[str]:
        with mc.default_device(name):
            yield default_device.current()

    mc.default_device("outside")
    first, second = block("first"), block("second")
    assert [next(first), next(second)] == ["first", "second"]
    first.close()
    assert default_device.current() == "second"
    second.close()
    assert default_device.current() == "outside"


def test_a_choice_without_a_block_ends_with_the_block_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "resolve_device", lambda name: name)
    mc.default_device("outside")
    with mc.default_device("block"):
        for name in ("first", "second", "third") * 9:
            mc.default_device(name)
            assert default_device.current() == name
        assert len(devices._chosen.get()) < 6
    assert default_device.current() == "outside"


def test_a_thread_has_its_own_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "resolve_device", lambda name: name)
    mc.default_device("first")
    seen = []

    def set_another() -> None:
        seen.append(default_device.current())
        with mc.default_device("second"):
            seen.append(default_device.current())
            mc.default_device("third")

    thread = threading.Thread(target=set_another)
    thread.start()
    thread.join()
    assert seen == ["cpu", "second"]
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
    with pytest.raises(DeviceError, match="CuPy is missing or broken"):
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


def test_to_device_is_free_when_already_there(device: str) -> None:
    x = to_device(np.zeros(3), device)
    assert to_device(x, device) is x
    assert device_of(x) == device
    assert device_of(np.zeros(3, np.float32)[0]) == "cpu"


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
@pytest.mark.parametrize("order", MEMORY_ORDERS)
def test_there_and_back(device: str, order: str, dtype: Any) -> None:
    """Numbers, dtype and memory order stay; it is a copy except where the memory is the same."""
    x = in_order(np.arange(120).reshape(2, 3, 4, 5).astype(dtype), order)
    there = to_device(x, device)
    back = to_device(there, "cpu")
    assert (device_of(there), device_of(back)) == (device, "cpu")
    np.testing.assert_array_equal(back, x, strict=True)
    assert type(back) is np.ndarray
    for moved in (there, back):
        assert moved.dtype == dtype
        if device not in ("cpu", "native"):
            assert moved.strides == np.empty_like(x).strides  # its order, without gaps
    assert np.shares_memory(x, back) == (device in ("cpu", "native"))
    if device == "emulator":
        memory = there.view(np.ndarray)
        assert not np.shares_memory(x, memory)
        assert not np.shares_memory(memory, back)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_arrays_without_axes_or_elements_there_and_back(device: str, shape: Any) -> None:
    back = to_device(to_device(np.ones(shape), device), "cpu")
    np.testing.assert_array_equal(back, np.ones(shape), strict=True)


@pytest.mark.parametrize(
    "mix",
    [
        lambda x, y: x + y,
        lambda x, y: y * x,
        lambda x, y: np.matmul(x, y),
        lambda x, y: np.add(x, x, out=y),
        lambda x, y: np.concatenate([x, y]),
        lambda x, y: np.where(y > 0, x, x),
        lambda x, y: x.__setitem__(0, y[0]),
        lambda x, y: x.__iadd__(y),
    ],
)
def test_memories_do_not_mix(mix: Callable[[Any, Any], Any]) -> None:
    """As with CuPy, so that a program for the emulator runs on a GPU."""
    x = np.ones((3, 3)).view(EmulatorArray)
    with pytest.raises(TypeError, match="cannot mix an array of the CPU with one of the emulator"):
        mix(x, np.ones((3, 3)))


STAYS: dict[str, Callable[[Any, Any, ModuleType], Any]] = {
    "of two": lambda x, one, xp: x + x,
    "with a number": lambda x, one, xp: 2 * x**2 - 1.5,
    "with a NumPy number": lambda x, one, xp: one * x + one,
    "comparison": lambda x, one, xp: ~(x > one),
    "view": lambda x, one, xp: x.reshape(3, 2).T[1:, ::2],
    "copy": lambda x, one, xp: x.copy(),
    "chosen elements": lambda x, one, xp: x[x > 1],
    "part": lambda x, one, xp: x.sum(0),
    "whole": lambda x, one, xp: x.sum(),
    "whole, as a function": lambda x, one, xp: xp.max(x),
    "mean of all": lambda x, one, xp: x.mean() / x.max(),
    "product": lambda x, one, xp: x @ x.T,
    "inner product": lambda x, one, xp: x[0] @ x[1],
    "function": lambda x, one, xp: xp.exp(-x),
    "joined": lambda x, one, xp: xp.concatenate([x, xp.zeros_like(x)]),
    "made": lambda x, one, xp: xp.full((2, 2), 3.0),
}


@pytest.mark.parametrize("name", STAYS)
def test_what_is_computed_stays_on_the_device(device: str, name: str) -> None:
    x, one = np.arange(6.0).reshape(2, 3), np.float64(1.0)
    moved = to_device(x, device)
    result = STAYS[name](moved, one, array_module(moved))
    assert device_of(result) == device
    assert device == "cpu" or is_array(result)  # a NumPy number would be on no device
    np.testing.assert_allclose(to_device(result, "cpu"), STAYS[name](x, one, np))


@pytest.mark.parametrize("op", ["add", "matmul", "concatenate", "where"])
def test_two_devices_in_one_op(device: str, op: str) -> None:
    here, there = mc.tensor([[1.0]]), mc.tensor([[2.0]], device=device)
    calls: dict[str, Callable[..., Any]] = {
        "add": lambda a, b: a + b,
        "matmul": lambda a, b: a @ b,
        "concatenate": lambda a, b: ops.concatenate([a, b]),
        "where": lambda a, b: ops.where([[True]], a, b),
    }
    for a, b in ((here, there), (there, here)):
        message = f"is on {a.device}, but .* is on {b.device}; move one with"
        refused = pytest.raises(DeviceError, match=message)
        with refused if device != "cpu" else nullcontext():
            calls[op](a, b)
    assert (here.to(device) + there).device == device

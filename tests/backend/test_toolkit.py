"""The error for a CuPy without NVRTC, the CUDA headers, or cuBLAS, and no error in doubt."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import minicnn as mc
from minicnn import cli
from minicnn.backend import DeviceError, devices, resolve_device

NO_NVRTC = RuntimeError('Failure finding "libnvrtc.so.13": No such file: libnvrtc.so.13\nin two\n')
NO_HEADERS = RuntimeError("Failed to find CUDA headers.")
NO_CUBLAS = ImportError("libcublas.so.13: cannot open shared object file")


def found_or(error: Exception | None) -> Any:
    """A look-up of CuPy that finds something, or raises an error."""

    def look_up(*arguments: object) -> object:
        if error is not None:
            raise error
        return object()

    return look_up


class FakeCupy(ModuleType):
    """CuPy for CUDA 12.9 with a driver for CUDA 13 and one GPU, whose look-ups end like this."""

    def __init__(self, nvrtc: Any = None, headers: Any = None, cublas: Any = None) -> None:
        super().__init__("cupy")
        runtime = SimpleNamespace(
            CUDARuntimeError=type("CUDARuntimeError", (RuntimeError,), {}),
            driverGetVersion=lambda: 13000,
            runtimeGetVersion=lambda: 12090,
            getDeviceCount=lambda: 1,
        )
        kind = type("cuda", (), {"runtime": runtime, "cublas": property(found_or(cublas))})
        self.cuda = kind()
        self.cuda.nvrtc = SimpleNamespace(getVersion=found_or(nvrtc))
        core = SimpleNamespace(assemble_cupy_compiler_options=found_or(headers))
        self._core = SimpleNamespace(core=core)
        self.ndarray = type("ndarray", (), {})


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeCupy], None]:
    """Make this CuPy the one that is installed."""

    def install(cupy: FakeCupy) -> None:
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        monkeypatch.setattr(devices, "_count_gpus", devices._count_gpus.__wrapped__)

    return install


@pytest.mark.parametrize(
    ("errors", "names", "reason"),
    [
        ({"nvrtc": NO_NVRTC, "headers": NO_HEADERS, "cublas": NO_CUBLAS},
         "NVRTC or the CUDA headers or cuBLAS", 'RuntimeError: Failure finding "libnvrtc.so.13".*'),
        ({"headers": NO_HEADERS}, "the CUDA headers", "RuntimeError: Failed to find CUDA headers."),
        ({"cublas": NO_CUBLAS}, "cuBLAS", "ImportError: libcublas.so.13: cannot open .*"),
    ],
)  # fmt: skip
def test_a_cupy_without_its_toolkit_says_what_to_install(
    install: Any, capsys: pytest.CaptureFixture[str], errors: Any, names: str, reason: str
) -> None:
    install(FakeCupy(**errors))
    message = (
        rf"CuPy does not find {names}: pip install 'cupy-cuda12x\[ctk\]', or set CUDA_PATH to a "
        f"CUDA toolkit. {reason}"
    )
    with pytest.raises(DeviceError) as caught:
        resolve_device("cuda")
    assert str(caught.value).count("\n") == 0
    caught.match(f'^device "cuda": {message}$')
    assert not mc.cuda_is_available()
    assert cli.main(["devices"]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line == f"✗   cuda       {str(caught.value).split(': ', 1)[1]}"


@pytest.mark.parametrize(
    "errors",
    [
        {},
        {"nvrtc": AttributeError("getVersion"), "headers": TypeError("expected 2 arguments")},
        {"cublas": AttributeError("cublas")},
    ],
)
def test_a_cupy_that_looks_for_its_toolkit_in_another_way_passes(
    install: Any, errors: dict[str, Exception]
) -> None:
    install(FakeCupy(**errors))
    assert resolve_device("cuda") == "cuda:0"


def test_nothing_is_looked_up_for_other_devices(install: Any) -> None:
    cupy = FakeCupy(NO_NVRTC, NO_HEADERS, NO_CUBLAS)
    install(cupy)
    assert resolve_device("cpu") == "cpu"
    assert mc.tensor([1.0]).device == "cpu"

"""Every benchmark is listed, and runs; what it measures is not looked at."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minicnn.backend import DeviceError, is_available

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"
NAMES = sorted(
    path.stem
    for path in BENCHMARKS.glob("*.py")
    if path.stem != "__main__" and "\ndef main(" in path.read_text(encoding="utf-8")
)
DRAWN = {"busy", "convolutions", "end_to_end", "kernels", "memory", "overhead", "scaling"}
ON_NATIVE = DRAWN | {"train_step"}
SMALLER = {"train_step": ["--networks", "lenet5", "--batch-size", "2"]}
TOO_LARGE = {"large"}  # seconds and a gigabyte for AlexNet of 2012 even once
OTHERS = ("torch", "tensorflow", "keras", "dezero")  # other frameworks, slow to import

# The processes of a contest rest for the sake of figures that nobody wants here.
RUN = (
    "import sys, benchmarks.contest as contest; contest.REST = 0; "
    "from benchmarks.__main__ import main; main(sys.argv[1:])"
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One thread, and no other framework: they are extras, and slow to import."""
    stand_ins = tmp_path_factory.mktemp("stand_ins")
    for name in OTHERS:
        (stand_ins / f"{name}.py").write_text("raise ImportError(__name__)\n", encoding="utf-8")
    path = os.pathsep.join([str(stand_ins), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def run(environment: dict[str, str], *arguments: str) -> str:
    """What the command prints."""
    finished = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def kept() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in RESULTS.iterdir()}


def test_every_benchmark_is_listed(environment: dict[str, str]) -> None:
    listed = [line.split()[0] for line in run(environment).splitlines() if line.endswith("?")]
    assert sorted(listed) == NAMES


def test_every_benchmark_is_in_the_readme() -> None:
    readme = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TOO_LARGE])
def test_a_quick_run(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    before = kept()
    smaller = SMALLER.get(name, [])
    output = run(environment, name, "--quick", "--results", str(tmp_path), *smaller)
    assert kept() == before
    if output.startswith("skipped: "):
        pytest.skip(output.strip())
    assert "|" in output
    assert name not in ON_NATIVE or ("minicnn native" in output) == is_available("native")
    drawn = name in DRAWN and importlib.util.find_spec("matplotlib") is not None
    written = {path.suffix for path in tmp_path.iterdir()}
    assert written - {".png"} == {".md", ".json"}
    assert not drawn or ".png" in written


@pytest.mark.parametrize("name", [*TOO_LARGE, "overhead"])
def test_options(name: str, environment: dict[str, str]) -> None:
    options = run(environment, name, "--help")
    assert "--quick" in options
    assert "--results" in options


def test_a_quick_run_keeps_nothing(environment: dict[str, str]) -> None:
    before = kept()
    assert "| conv2d |" in run(environment, "overhead", "--quick")
    assert kept() == before


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: import_module(f"benchmarks.{name}")


def test_without_a_compiler_native_is_left_out(
    module: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(name: str) -> str:
        raise DeviceError("no compiler")

    devices = module("devices")
    monkeypatch.setattr("minicnn.backend.resolve_device", refuse)
    with pytest.raises(ImportError, match="no compiler"):
        devices.compiled()
    assert devices.programs() == {"minicnn": "cpu"}
    assert "no compiler" in capsys.readouterr().out


def test_a_row_compares_both_devices_with_each_program(module: Callable[[str], Any]) -> None:
    result, rows = module("contest").Result, module("train_step").rows
    results = {
        "minicnn": result([[2.0], [2.0]]),
        "minicnn native": result([[1.0], [1.0]]),
        "PyTorch": result([[4.0], [4.0]]),
    }
    lines, numbers = rows("net", results)
    cells = [[cell.strip() for cell in line.split("|")[4:6]] for line in lines]
    half, twice = "**0.50** (0.50-0.50)", "**2.00** (2.00-2.00)"
    assert cells == [["", half], [twice, ""], [half, "**0.25** (0.25-0.25)"]]
    assert numbers["net, PyTorch"]["native_by_this"].median == 0.25
    lines, numbers = rows("net", {"minicnn": results["minicnn"]})
    assert numbers["net, minicnn"]["native_by_this"] is None


def test_a_copy_on_a_device_keeps_the_memory_order(module: Callable[[str], Any]) -> None:
    x = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    for device in module("devices").programs().values():
        copy = module("devices").copy_to(device, x)
        assert (copy == x).all()
        assert copy.strides == x.strides
        assert not np.shares_memory(copy, x)


@pytest.mark.parametrize(("size", "kernel", "padding"), [(5, 3, 0), (5, 3, 1), (6, 5, 2)])
def test_multiplications_with_padding_do_not_count(
    module: Callable[[str], Any], size: int, kernel: int, padding: int
) -> None:
    layer = module("layers").Layer("", 2, 3, size, kernel, padding=padding)
    ones = np.pad(np.ones((size, size)), padding)
    under = np.lib.stride_tricks.sliding_window_view(ones, (kernel, kernel)).sum()
    assert layer.multiply_adds == 2 * 3 * under


@pytest.mark.skipif(not is_available("native"), reason="no compiler for native")
def test_both_devices_compute_the_same_convolutions(module: Callable[[str], Any]) -> None:
    convolutions = module("convolutions")
    for layer, _ in convolutions.WORKS[1:6:4]:
        for direction in convolutions.DIRECTIONS:
            found, expected = (
                build(layer, 2, direction)()
                for build in (convolutions.native_convolution, convolutions.minicnn_convolution)
            )
            np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.skipif(not is_available("native"), reason="no compiler for native")
def test_the_peak_grows_with_what_is_multiplied(
    module: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    peak = module("peak")
    monkeypatch.setattr(peak, "TURNS", 100_000)
    assert 1e8 < peak.peak_flops(1, rounds=1) < 1e12


def test_percentiles(module: Callable[[str], Any]) -> None:
    times = [[k / 1e3 for k in range(100)], [k / 1e3 for k in range(100, 200)]]
    found = module("busy").percentiles(module("contest").Result(times))
    assert found == pytest.approx([100, 180, 198, 199])


def test_a_training_that_stops_early_is_not_accurate(module: Callable[[str], Any]) -> None:
    training = module("to_accuracy").Training
    reached, other = training(1.0, 9.0, [0.9, 0.9871]), training(1.0, 5.0, [0.9, 0.98])
    assert reached.is_accurate
    assert not other.is_accurate
    line = module("end_to_end").training_line("minicnn", [reached, other])
    assert "(9.0 to inf)" in line
    assert "| 2, not in 2 |" in line


class Queue(ModuleType):
    """A CuPy whose GPU works off a queue, next to a program that fills it."""

    def __init__(self, rate: float) -> None:
        super().__init__("cupy")
        self.end, self.spins = 0.0, 0
        queue = self

        class Event:
            def record(self) -> None:
                queue.add(0.0)
                self.at = queue.end

            @property
            def done(self) -> bool:
                return time.perf_counter() >= self.at

            def synchronize(self) -> None:
                time.sleep(max(0.0, self.at - time.perf_counter()))

        def spin(grid: Any, block: Any, arguments: Any) -> None:
            self.spins += 1
            self.add(float(arguments[0]) / rate)

        self.cuda = SimpleNamespace(
            Event=Event,
            get_elapsed_time=lambda a, b: (b.at - a.at) * 1e3,
            Device=lambda number: SimpleNamespace(synchronize=Event.synchronize.__get__(self)),
        )
        self.RawKernel = lambda code, name: spin

    @property
    def at(self) -> float:
        return self.end

    def add(self, seconds: float) -> None:
        self.end = max(self.end, time.perf_counter()) + seconds


@pytest.mark.parametrize(("rate", "spins"), [(3e8, 1), (1e11, 3)])
def test_the_gpu_time(
    module: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, rate: float, spins: int
) -> None:
    """A step of 0.2 ms on the GPU that Python needs 2 ms to queue; a spin too short is repeated."""
    gpu, queue = module("gpu"), Queue(rate)
    monkeypatch.setitem(sys.modules, "cupy", queue)
    gpu._spin.cache_clear()

    def step() -> None:
        time.sleep(2e-3)
        queue.add(2e-4)

    times = gpu.gpu_times(step, "cuda:0", rounds=1)
    gpu._spin.cache_clear()
    assert times.host >= 2e-3
    assert times.wall >= 2e-3
    assert queue.spins == spins
    assert (times.gpu == pytest.approx(2e-4)) == (spins == 1)

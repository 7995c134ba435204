"""Every benchmark is listed, and runs; what it measures is not looked at."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"
NAMES = sorted(
    path.stem
    for path in BENCHMARKS.glob("*.py")
    if path.stem != "__main__" and "\ndef main(" in path.read_text(encoding="utf-8")
)
DRAWN = {"end_to_end", "kernels", "memory", "overhead", "scaling"}
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

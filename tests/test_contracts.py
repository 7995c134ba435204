"""What the whole package keeps: imports go down only, and optional libraries stay unimported."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LATER = ["torch", "cupy", "matplotlib", "pooch", "tqdm", "requests", "hypothesis", "safetensors"]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in the root of the repository."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_imports_go_down_only() -> None:
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed")
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = python("-c", code, "--config", "setup.cfg", "--no-cache")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


@pytest.mark.parametrize("module", ["minicnn", "minicnn.cli", "minicnn.testing"])
def test_optional_libraries_are_imported_when_needed(module: str) -> None:
    code = f"import sys, {module}; print(*[m for m in {LATER} if m in sys.modules])"
    run = python("-W", "error", "-c", code)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


def test_import_prints_and_warns_nothing() -> None:
    run = python("-W", "error", "-c", "import minicnn")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("package", ["", ".autograd", ".backend", ".ops", ".testing"])
def test_public_names_exist_once(package: str) -> None:
    module = importlib.import_module("minicnn" + package)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name)

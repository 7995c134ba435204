"""How pytest is set up: the list of slow tests names tests, and no plugin is needed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from support.slow import ROOT, SLOW


@pytest.mark.parametrize("path", SLOW)
def test_slow_tests_exist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    defined = set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
    assert set(SLOW[path]) - defined == set()


def test_pytest_runs_without_plugins() -> None:
    without = [f"-pno:{name}" for name in ("nbmake", "xdist", "pytest_cov")]
    command = [sys.executable, "-m", "pytest", *without, "-q", "--collect-only"]
    run = subprocess.run(
        [*command, "tests/test_slow.py", "examples"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "ipynb" not in run.stdout

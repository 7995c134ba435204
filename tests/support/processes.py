"""Starting programs in several processes, where mpi4py and an mpiexec are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from minicnn.parallel.launch import find_mpiexec

PROGRAMS = Path(__file__).parent.parent / "parallel" / "programs.py"


def launch(processes: int, *arguments: str, **options) -> subprocess.CompletedProcess:
    """Run python with these arguments in so many processes; skips the test if that cannot be."""
    if find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    mpiexec = find_mpiexec()
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    command = [mpiexec, "-n", str(processes), sys.executable, *arguments]
    environment = {**os.environ, "MINICNN_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment |= options.pop("env", {})
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, **options
    )


def run_program(processes: int, *arguments: str) -> subprocess.CompletedProcess:
    """Run a function of tests/parallel/programs.py."""
    return launch(processes, str(PROGRAMS), *arguments)

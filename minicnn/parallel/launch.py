"""Whether a launcher, such as mpiexec, has started this process, and MPI for those it has."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from ..startup import RANKS
from .errors import ParallelError

SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""What the launchers of Open MPI and MPICH tell a process: how many there are."""
INSTALL = "pip install minicnn[parallel]"


def launched_size() -> int:
    """How many processes were launched together; 1 without a launcher."""
    names = SIZES if "PMIX_RANK" not in os.environ else (*SIZES, "SLURM_NTASKS")
    for name in names:
        if os.environ.get(name, "").isdecimal():
            return max(1, int(os.environ[name]))
    return 1


def launched_rank() -> int:
    """The number of this process, as the launcher tells it; 0 without a launcher."""
    for name in RANKS:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return 0


def find_mpiexec() -> str | None:
    """The mpiexec that is installed with this Python, or else another one; None without any."""
    own = Path(sys.executable).parent / "mpiexec"
    return str(own) if own.exists() else shutil.which("mpiexec")


def world(launched: int) -> Any:
    """MPI's communicator of all processes.

    Raises ParallelError if mpi4py is missing or uses another MPI than the launcher.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: without a library of MPI
        raise ParallelError(
            f"parallel: {launched} processes were launched, but mpi4py cannot be used ({error}); "
            f"install it: {INSTALL}"
        ) from error
    comm = MPI.COMM_WORLD
    if comm.Get_size() != launched:
        library = MPI.Get_library_version().split("\n")[0].strip()
        raise ParallelError(
            f"parallel: {launched} processes were launched, but mpi4py sees {comm.Get_size()}: it "
            f"uses {library}, which is not the MPI of the launcher; start with the mpiexec that "
            f"belongs to it ({INSTALL} brings both)"
        )
    return comm

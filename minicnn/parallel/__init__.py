"""Floor 3: several processes that work together, on one machine or on many.

    mpiexec -n 4 minicnn train alexnet_mnist
    mpiexec -n 4 python train.py

Each process runs the same program. A ``Trainer`` that is started in this way takes its part of
every batch, and all take the same step. On CPUs the processes talk to each other by MPI (mpi4py),
on GPUs by NCCL; ``pip install minicnn[parallel]`` brings mpi4py and MPICH.

    rank, size    which process this is, and of how many: 0 and 1 if nothing was launched
    all_reduce    the sum of an array over all processes, or its largest values
    broadcast     what one process has, for all
    gather        what each process has, for all
    all_maps      an operation: the maps of all processes, for networks that are cut into parts
"""

from __future__ import annotations

from .errors import ParallelError
from .maps import all_maps
from .processes import Group, all_reduce, broadcast, gather, group, rank, size

__all__ = [
    "Group",
    "ParallelError",
    "all_maps",
    "all_reduce",
    "broadcast",
    "gather",
    "group",
    "rank",
    "size",
]

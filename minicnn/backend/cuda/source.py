"""The CUDA sources: their folder, their text, and the options of both compilers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from . import tiles

DIRECTORY = Path(__file__).parent
THREADS = 256  # in a block of every kernel; a power of two
HEADERS = ("common.cuh", "lanes.cuh")
WARP = 32  # threads that do the same, see lanes.cuh
PIECES = 32  # arrays in one argument, see Pieces in common.cuh
OPTIONS = (  # for both compilers
    "-std=c++17",
    f"-DTHREADS={THREADS}",
    f"-DPIECES={PIECES}",
    *tiles.GPU.options(),
    f"-I{DIRECTORY}",
)


@cache
def read_source(name: str) -> str:
    """The text of a file in this folder."""
    return (DIRECTORY / name).read_text(encoding="utf-8")

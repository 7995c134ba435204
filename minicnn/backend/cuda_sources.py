"""Where the CUDA sources lie, and their text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["DIRECTORY", "HEADERS", "read_source"]

DIRECTORY = Path(__file__).parent / "cuda"
HEADERS = ("common.cuh", "emulator.h")


@cache
def read_source(name: str) -> str:
    """The text of a file in cuda/."""
    return (DIRECTORY / name).read_text(encoding="utf-8")

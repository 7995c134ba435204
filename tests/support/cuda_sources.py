"""CUDA sources of a test in place of those of the package."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from minicnn.backend.cuda import source
from minicnn.backend.emulator import run as emulator


def use_sources(directory: Path, texts: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the texts to files of these names, from which the emulator then compiles kernels.

    It keeps a kernel by the names of the source and of the kernel: no two tests share both.
    """
    shutil.copy(source.DIRECTORY / "common.cuh", directory)
    for name, text in texts.items():
        (directory / name).write_text(text)
    read_source = source.read_source.__wrapped__  # the one that remembers nothing
    monkeypatch.setattr(source, "DIRECTORY", directory)
    monkeypatch.setattr(emulator, "read_source", read_source)
    options = [o for o in source.OPTIONS if not o.startswith("-I")]
    monkeypatch.setattr(emulator, "OPTIONS", (*options, f"-I{directory}"))

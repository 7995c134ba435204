"""Running the command line, and writing small data sets for it."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

SHORT = ["--epochs", "1", "--batch-size", "500"]


def write_idx(path: Path, array: np.ndarray) -> None:
    code = {"u1": 8, "i4": 0x0C, "f4": 0x0D}[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(array.dtype.newbyteorder(">")).tobytes())


def write_data(directory: Path, size=(8, 8), classes=10, test_size=None, labels_dtype="u1") -> Path:
    directory.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for stem, shape in (("train", size), ("t10k", test_size or size)):
        labels = (np.arange(40) % classes).astype(labels_dtype)
        pixels = rng.integers(0, 256, (40, *shape), dtype=np.uint8)
        write_idx(directory / f"{stem}-images-idx3-ubyte", pixels)
        write_idx(directory / f"{stem}-labels-idx1-ubyte", labels)
    return directory


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "minicnn", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)

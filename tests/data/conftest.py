"""What several tests of the data sets need: an IDX writer, a tiny data set, and clean places."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minicnn.data import catalog
from minicnn.data.content import KnownFile

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def encode_idx(array: np.ndarray) -> bytes:
    magic = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return magic + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def know(content: bytes, download: int) -> KnownFile:
    return KnownFile(hashlib.sha256(content).hexdigest(), len(content), download)


@pytest.fixture(scope="session")
def encode() -> Callable[[np.ndarray], bytes]:
    return encode_idx


@pytest.fixture
def clean_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No $MINICNN_DATA, no proxy, and an empty cache (returned) that is not the user's."""
    cache = tmp_path / "cache"
    monkeypatch.delenv("MINICNN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(catalog, "cache_directory", lambda: cache)
    return cache


@pytest.fixture
def tiny(clean_places: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The uncompressed files of "tiny", a data set without mirrors that the catalog knows."""
    rng = np.random.default_rng(0)
    files = {}
    for stem in STEMS:
        count = 6 if stem.startswith("train") else 4
        shape = (count, 5, 3) if "images" in stem else (count,)
        files[stem] = encode_idx(rng.integers(0, 3, shape, dtype=np.uint8))
    known = {stem: know(content, len(gzip.compress(content))) for stem, content in files.items()}
    monkeypatch.setitem(catalog.CATALOG, "tiny", catalog.CatalogEntry(("a", "b", "c"), known))
    return files


@pytest.fixture
def put() -> Callable[..., None]:
    """put(directory, files, suffix): write them, compressed if the suffix is .gz."""

    def write(directory: Path, files: dict[str, bytes], suffix: str = ".gz") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for stem, content in files.items():
            packed = gzip.compress(content) if suffix == ".gz" else content
            (directory / f"{stem}{suffix}").write_bytes(packed)

    return write

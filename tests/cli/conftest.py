"""Every test of the command line: no network, no MNIST, a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.missing import skip_without

import minicnn as mc
from minicnn.data import catalog


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path) -> Path:
    """No MNIST anywhere, no network, and an empty cache."""

    skip_without("pooch", "safetensors", "tqdm")

    def no_network(name, *_):
        raise mc.data.DataError(f"no mirror delivered {name}")

    monkeypatch.delenv("MINICNN_DATA", raising=False)
    monkeypatch.delenv("MINICNN_DEVICE", raising=False)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # would hide what a pipe keeps back
    monkeypatch.setenv("PYTHONPATH", str(Path(mc.__file__).parents[1]))  # for other processes
    monkeypatch.setattr(catalog, "cache_directory", lambda: tmp_path / "cache")
    monkeypatch.setattr(catalog, "fetch", no_network)
    monkeypatch.chdir(tmp_path)
    return tmp_path

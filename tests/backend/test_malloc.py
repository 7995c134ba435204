"""keep_freed_memory tells glibc, and nobody else."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import pytest

from minicnn.backend import malloc


class FakeLibrary:
    """A C library that notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def mallopt(self, name: int, value: int) -> int:
        self.calls.append((name, value))
        return 1

    def malloc_trim(self, padding: int) -> int:
        self.calls.append((padding, 0))
        return 1


def test_tells_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    malloc.keep_freed_memory()
    assert library.calls == [(-4, 0), (-1, 2**31 - 1)]  # M_MMAP_MAX, M_TRIM_THRESHOLD
    malloc.release_freed_memory()
    assert library.calls[2:] == [(0, 0)]


@pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
def test_does_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    def refuse(name: Any) -> None:
        raise AssertionError("the C library was loaded")

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    malloc.keep_freed_memory()
    malloc.release_freed_memory()


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_does_nothing_with_another_c_library(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def load(name: Any) -> object:
        if error is OSError:
            raise OSError("no such library")
        return object()  # no mallopt

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", load)
    malloc.keep_freed_memory()
    malloc.release_freed_memory()

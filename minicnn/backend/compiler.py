"""The system's C++ compiler, and the user's cache of what it has compiled."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .errors import DeviceError


def find_compiler(device: str) -> str:
    """The C++ compiler: $CXX, or the first usual name. Raises DeviceError if there is none."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return name
    raise DeviceError(
        f'device "{device}": no C++ compiler is on the path; install g++ or clang++, or name one '
        "in the environment variable CXX"
    )


def is_built(code: str, command: list[str], included: list[str], device: str) -> bool:
    """Whether ``built`` would find the library in the cache."""
    return _cached(code, command, included, device, []).exists()


def built(
    code: str,
    command: list[str],
    included: list[str],
    device: str,
    what: str,
    linked: Sequence[Path] | None = None,
) -> Path:
    """The path of the object that the command makes of the code, from the cache or compiled now.

    included: what the result depends on besides, such as the texts of included files; a change in
    one compiles it again. With ``linked``, other objects, it is the path of the library of all.
    Raises DeviceError, which begins with ``what``, if it does not compile.
    """
    path = _cached(code, command, included, device, linked)
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as directory:
            unit, made = Path(directory, "kernel.cpp"), Path(directory, "kernel.o")
            unit.write_text(code)
            _run([*command, "-c", str(unit), "-o", str(made)], what)
            if linked is not None:  # without the command's flags, which might add libraries
                parts, made = [str(made), *map(str, linked)], Path(directory, "kernel.so")
                _run([command[0], "-shared", *parts, "-o", str(made)], what)
            made.replace(path)  # atomic: another process may build it too
    return path


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise DeviceError(f"{what} does not compile:\n{done.stderr}")


def _cached(
    code: str, command: list[str], included: list[str], device: str, linked: Sequence[Path] | None
) -> Path:
    parts = [code, *command, *included, *map(str, linked or [])]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return _cache(device) / f"{name}.{'o' if linked is None else 'so'}"


def _cache(device: str) -> Path:
    """The user's own folder: code from a place that others can write to is never run."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    path = home / "minicnn" / device
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        owner = os.getuid() if hasattr(os, "getuid") else found.st_uid
        is_own = found.st_uid == owner and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        with tempfile.TemporaryFile(dir=path):
            return path if is_own else _temporary(device)
    except OSError:  # read-only: each process compiles again
        return _temporary(device)


@cache
def _temporary(device: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"minicnn-{device}-"))

"""The system's C++ compiler, and the user's cache of what it has compiled."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from ..errors import DeviceError


def find_compiler() -> str:
    """The C++ compiler: $CXX, or the first usual name. Raises DeviceError if there is none."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return name
    raise DeviceError(
        'device "emulator": no C++ compiler is on the path; install g++ or clang++, or name one in '
        "the environment variable CXX"
    )


def built(
    code: str, command: list[str], included: list[str], what: str, linked: Path | None = None
) -> Path:
    """The path of the object that the command makes of the code, from the cache or compiled now.

    included: the texts of the files that the code includes; a change in one compiles it again.
    With ``linked``, another object, it is the path of the library of both.
    Raises DeviceError, which begins with ``what``, if it does not compile.
    """
    parts = [code, *command, *included, str(linked or "")]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    path = _cache() / f"{name}.{'so' if linked else 'o'}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as directory:
            unit, made = Path(directory, "kernel.cpp"), Path(directory, "kernel.o")
            unit.write_text(code)
            _run([*command, "-c", str(unit), "-o", str(made)], what)
            if linked:  # without the command's flags, which might add libraries
                parts, made = [str(made), str(linked)], Path(directory, "kernel.so")
                _run([command[0], "-shared", *parts, "-o", str(made)], what)
            made.replace(path)  # atomic: another process may build it too
    return path


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise DeviceError(f"{what} does not compile:\n{done.stderr}")


def _cache() -> Path:
    path = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "minicnn/emulator"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:  # read-only: each process compiles again
        return _temporary()


@cache
def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="minicnn-emulator-"))

"""The system's C++ compiler, and the user's cache of what it has compiled."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from ..places import cache_home
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
    return _is_intact(_cached(code, command, included, device, []))


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
    if not _is_intact(path):
        with tempfile.TemporaryDirectory(dir=path.parent) as directory:
            unit, made = Path(directory, "kernel.cpp"), Path(directory, "kernel.o")
            unit.write_text(code)
            _run([*command, "-c", str(unit), "-o", str(made)], what)
            if linked is not None:  # without the command's flags, which might add libraries
                parts, made = [str(made), *map(str, linked)], Path(directory, "kernel.so")
                _run([command[0], "-shared", *parts, "-o", str(made)], what)
            _keep(made, path)
    return path


def _is_intact(path: Path) -> bool:
    """Whether this is the file that ``_keep`` wrote, and nobody else can have changed it.

    A library that a full disk has cut off would end the process when it is loaded.
    """
    try:
        content = path.read_bytes() if _is_own(path.lstat(), stat.S_ISREG) else None
        return content is not None and _digest_of(path).read_text() == _hash(content)
    except (OSError, UnicodeDecodeError):
        return False


def _keep(made: Path, path: Path) -> None:
    """Move a file to its place in the cache, with its hash; another process may do so, too."""
    digest = made.with_name("digest")
    digest.write_text(_hash(made.read_bytes()))
    for file, target in ((made, path), (digest, _digest_of(path))):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
        file.replace(target)


def _digest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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
    home = cache_home()
    if home is None:
        return _temporary(device, "there is no home folder")
    path = home / "minicnn" / device
    try:
        for folder in (path.parent, path):  # parents=True would not give the first one the mode
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_own(folder.stat(), stat.S_ISDIR):
                return _temporary(device, f"others can write to {folder}")
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        return _temporary(device, f"{path} cannot be written ({error.strerror})")


def _is_own(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Whether it is such a file or folder, of this user, and nobody else can write to it."""
    owner = os.getuid() if hasattr(os, "getuid") else found.st_uid
    is_shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return is_kind(found.st_mode) and found.st_uid == owner and not is_shared


@cache
def _temporary(device: str, reason: str) -> Path:
    """A folder of this process, removed at its end: each process compiles again."""
    print(f"minicnn: compiled code is not kept: {reason}", file=sys.stderr)
    path = Path(tempfile.mkdtemp(prefix=f"minicnn-{device}-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # and not a process that was forked from it
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path

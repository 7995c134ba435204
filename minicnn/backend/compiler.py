"""The system's C++ compiler, and the user's cache of what it has compiled."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..partial import replacing
from ..places import cache_home
from .errors import DeviceError


def find_compiler(device: str) -> str:
    """The C++ compiler: $CXX, or the first usual name. Raises DeviceError if there is none."""
    chosen = os.environ.get("CXX")
    for name in [chosen] if chosen else ["c++", "g++", "clang++"]:
        if shutil.which(name):
            return name
    if chosen:
        raise DeviceError(
            f'device "{device}": CXX: got {chosen!r}, expected a C++ compiler, without options'
        )
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
    if _is_intact(path):
        return path
    made = _compile(code, command, what, linked)
    try:
        _keep(made, path)
    except OSError as error:  # a full disk
        path = _temporary(device, _cannot_be_written(path.parent, error)) / path.name
        _keep(made, path)
    return path


def load(library: Path) -> ctypes.CDLL:
    """The library, loaded. Raises DeviceError if the system refuses."""
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise DeviceError(
            f"compiled code cannot be loaded ({error}); is it on a file system without execution? "
            "The environment variable XDG_CACHE_HOME names another folder"
        ) from error


def _compile(code: str, command: list[str], what: str, linked: Sequence[Path] | None) -> bytes:
    """The object, or the library of it and the linked ones; compiled where the system cleans up."""
    with tempfile.TemporaryDirectory(prefix="minicnn-") as directory:
        unit, made = Path(directory, "kernel.cpp"), Path(directory, "kernel.o")
        unit.write_text(code)
        _run([*command, "-c", str(unit), "-o", str(made)], what)
        if linked is not None:  # without the command's flags, which might add libraries
            parts, made = [str(made), *map(str, linked)], Path(directory, "kernel.so")
            _run([command[0], "-shared", *parts, "-o", str(made)], what)
        return made.read_bytes()


def _is_intact(path: Path) -> bool:
    """Whether this is the file that ``_keep`` wrote, and nobody else can have changed it.

    A library that a full disk has cut off would end the process when it is loaded.
    """
    try:
        content = path.read_bytes() if _is_own(path.lstat(), stat.S_ISREG) else None
        return content is not None and _digest_of(path).read_text() == _hash(content)
    except (OSError, UnicodeDecodeError):
        return False


def _keep(made: bytes, path: Path) -> None:
    """Write a file into the cache, with its hash; another process may do so, too."""
    for target, content in ((path, made), (_digest_of(path), _hash(made).encode())):
        with replacing(target, mode=0o600) as file:  # for any umask: others may not write
            file.write(content)


def _digest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise DeviceError(f"{what}: {command[0]} cannot be run ({error.strerror})") from error
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
    if device in _temporary_folders:
        return _temporary(device)
    home = cache_home()
    if home is None:
        return _temporary(device, "there is no home folder")
    path = home / "minicnn" / device
    try:
        for folder in (path.parent, path):  # parents=True would not give the first one the mode
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_own(folder.stat(), stat.S_ISDIR):
                return _temporary(device, f"others can write to {folder}")
        real = Path(os.path.realpath(path))  # a link could lead elsewhere later
        for folder in real.parents:
            if _is_open_to_all(folder.stat().st_mode):
                return _temporary(device, f"others can write to {folder}")
        with tempfile.TemporaryFile(dir=real):
            return real
    except OSError as error:
        return _temporary(device, _cannot_be_written(path, error))


def _cannot_be_written(path: Path, error: OSError) -> str:
    return f"{path} cannot be written ({error.strerror})"


def _is_open_to_all(mode: int) -> bool:
    """Whether all users can put another folder in the place of one that is in this one."""
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _is_own(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Whether it is such a file or folder, of this user, and nobody else can write to it."""
    owner = os.getuid() if hasattr(os, "getuid") else found.st_uid
    is_shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return is_kind(found.st_mode) and found.st_uid == owner and not is_shared


_temporary_folders: dict[str, Path] = {}
"""Those of this process, by device."""


def _temporary(device: str, reason: str = "") -> Path:
    """A folder of this process, removed at its end: each process compiles again."""
    if device not in _temporary_folders:
        print(f"minicnn: compiled code is not kept: {reason}", file=sys.stderr)
    elif _temporary_folders[device].is_dir():
        return _temporary_folders[device]
    # None yet, or one that the system has cleaned up.
    path = _temporary_folders[device] = Path(tempfile.mkdtemp(prefix=f"minicnn-{device}-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # and not a process that was forked from it
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path

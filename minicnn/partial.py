"""Files that appear in their place only when they are complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted anyway
    fcntl = None  # type: ignore[assignment]

YOUNG = 60.0  # seconds in which a new file may not be locked yet


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A new file next to the target, which replaces it if the block ends without an error.

    It is on the disk before it does so, and has the mode of the file that it replaces. What killed
    processes have left in this folder is removed. Raises OSError.
    """
    _sweep(target.parent)
    partial = target.with_name(f".minicnn-{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            partial.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):  # the error to raise is what made writing fail
            partial.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _sweep(folder: Path) -> None:
    """Remove partial files that no living process holds."""
    for path in folder.glob(".minicnn-*.part"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > YOUNG and _lock(file):
                path.unlink()


def _lock(file: BinaryIO) -> bool:
    """Hold the file until it is closed, or the process ends; False if another one holds it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # some network file systems have no locks: then nothing is swept
        return False
    return True


def _sync_directory(directory: Path) -> None:
    """Write the new name to disk too: otherwise a power failure may bring the old file back."""
    # Windows cannot open a directory, some file systems cannot sync one: then do without it.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

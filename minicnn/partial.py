"""Files that are written under another name until they are complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which does not remove a file that is open
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def replacing(target: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """A new file that takes the place of the target at the end of the block, unless that raises.

    It is on the disk before it does so. From the start it has this mode, or else the mode, group
    and owner of the file that it replaces: nobody can read more of it than of that one. Such files
    of processes that were killed are removed from the folder: the system releases the lock of a
    process that ends in any way, so that a file without a lock has no writer. Its age would not
    tell, because a slow download may take hours, and a killed one is often repeated at once. Where
    the file system has no locks, the files stay.

    Raises OSError if the folder cannot be written to.
    """
    _sweep(target.parent)
    partial = target.parent / f".minicnn-{secrets.token_hex(8)}.part"
    try:
        with _created_and_locked(partial) as file:
            if mode is not None:
                partial.chmod(mode)
            elif target.exists():
                _take_permissions(partial, target.stat())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows does not rename a file that is open
            os.replace(partial, target)
    finally:
        # Also reached when the user interrupts: no partial file is left behind.
        with contextlib.suppress(OSError):  # usually it was moved, and there is none
            partial.unlink()
    _sync_folder(target.parent)


def _take_permissions(partial: Path, found: os.stat_result) -> None:
    """Those of another file, as far as the system allows."""
    mode = stat.S_IMODE(found.st_mode)
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(partial, -1, found.st_gid)
        with contextlib.suppress(OSError):  # only root may
            os.chown(partial, found.st_uid, -1)
        if partial.stat().st_gid != found.st_gid:
            mode &= ~stat.S_IRWXG  # which would be for another group
    partial.chmod(mode)


@contextlib.contextmanager
def _created_and_locked(partial: Path) -> Iterator[BinaryIO]:
    while True:
        with partial.open("xb") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX)
            if partial.exists():  # another process may have swept it before it was locked
                yield file
                return


def _sweep(folder: Path) -> None:
    for partial in folder.glob(".minicnn-*.part"):
        with contextlib.suppress(OSError):  # locked, or open on Windows: it has a writer
            if fcntl is None:
                partial.unlink()
            elif partial.is_file():
                with partial.open("r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    partial.unlink()


def _sync_folder(folder: Path) -> None:
    """Write the new name to disk too: otherwise a power failure may bring the old file back."""
    # Windows cannot open a folder, some file systems cannot sync one: then do without it.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

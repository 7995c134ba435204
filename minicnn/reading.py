"""Files are read with a limit: what has no end, or is larger than anything useful, is refused."""

from __future__ import annotations

import errno
import os
import stat
import sys


def check_readable(path: str | os.PathLike[str], most: int = sys.maxsize) -> int:
    """The number of bytes of a file. Raises OSError if there is none, or if it has more than most.

    A device or a pipe is refused too: /dev/zero has no end, and a pipe perhaps nobody who writes.
    To read no more than this number does not wait for /proc/kmsg, which has 0.
    """
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a file")
    if found.st_size > most:
        raise OSError(f"it has {found.st_size:,} bytes, expected at most {most:,}")
    return found.st_size

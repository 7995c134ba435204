"""The command line of minicnn on a disk that is full: ``[fsync|replace|write N] train lenet5 ...``.

The N-th call fails, as ENOSPC does; a write has written half by then.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import sys
from collections.abc import Callable
from typing import Any


def fail_once(number: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, which raises OSError the number-th time."""
    count = itertools.count(1)

    def failing(*args: Any, **options: Any) -> Any:
        if next(count) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call(*args, **options)

    return failing


class HalfWritten(io.BufferedWriter):
    """A file of which half is written."""

    def write(self, content: Any) -> int:
        super().write(content[: len(content) // 2])
        self.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def open_failing(number: int) -> Callable[..., Any]:
    """``io.open``, whose number-th new file of bytes cannot be written as a whole."""
    count, original = itertools.count(1), io.open

    def open_file(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if mode == "xb" and next(count) == number:
            return HalfWritten(io.FileIO(file, "x"))
        return original(file, mode, *args, **options)

    return open_file


def main(arguments: list[str]) -> int:
    if arguments[0] in ("fsync", "replace"):
        name, number, *arguments = arguments
        setattr(os, name, fail_once(int(number), getattr(os, name)))
    elif arguments[0] == "write":
        _, number, *arguments = arguments
        io.open = open_failing(int(number))
    from minicnn.cli import main as run_minicnn

    return run_minicnn(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

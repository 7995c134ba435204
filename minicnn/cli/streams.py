"""Where a command prints: control characters are escaped, and a closed stream takes nothing."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from ..text_table import printable


def set_up_streams() -> None:
    """Make stdout and stderr usable, even if the shell has closed them.

    Names that the terminal cannot show are escaped, and each line is written at once, even into a
    pipe. A stream that is closed (``>&-``) takes everything and keeps nothing: without it the next
    file that is opened would get its number, and what is printed would be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)


def drop_output() -> None:
    """Discard the output that could not be written, which Python flushes again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def escaping() -> Iterator[None]:
    """Escape the control characters of names from files, which could change the terminal."""
    with redirect_stdout(_Escaping(sys.stdout)):
        yield


class _Escaping:
    """A stream that prints control characters as text, but for those between lines."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        written: int = self._stream.write(printable(text, but="\n\t"))
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

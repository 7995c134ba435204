"""Where a command prints: control characters are escaped; closed and full streams keep nothing."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from ..text_table import printable

NOWHERE = logging.NullHandler()
"""One for all commands of a process: a logger holds each handler once."""


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
    _drop(sys.stdout)


def _drop(stream: Any) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def escaping() -> Iterator[None]:
    """Escape the control characters of names from files, which could change the terminal."""
    with redirect_stdout(_Escaping(sys.stdout)):
        yield


@contextmanager
def messages() -> Iterator[None]:
    """On stderr a warning is one line, and what cannot be written is lost.

    None is Pillow's, which warns of files that it then refuses, and logs what is wrong with them.
    """
    logging.getLogger("PIL").addHandler(NOWHERE)
    with warnings.catch_warnings(), redirect_stderr(_Dropping(sys.stderr)):
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        yield


def _show_warning(message: Warning | str, *_: Any) -> None:
    print(f"minicnn: warning: {printable(str(message))}", file=sys.stderr)


class _Wrapped:
    """A stream that is another one but for what its subclasses change."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Escaping(_Wrapped):
    """A stream that prints control characters as text, but for those between lines."""

    def write(self, text: str) -> int:
        written: int = self._stream.write(printable(text, but="\n\t"))
        return written


class _Dropping(_Wrapped):
    """A stream that becomes /dev/null when it is full, or has no reader."""

    def write(self, text: str) -> int:
        with self._dropping():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._dropping():
            self._stream.flush()

    @contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            _drop(self._stream)

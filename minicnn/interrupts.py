"""Ctrl-C and SIGTERM end the command in order, from its first line to its last; again, at once.

``minicnn/__init__`` imports this file first. It imports nothing that takes time.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from types import FrameType

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
SCRIPTS = ("minicnn", "minicnn.exe")


class Interrupt(KeyboardInterrupt):
    """Raised where a command is interrupted; status: what a shell reports for the signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.reason = SIGNALS[signal.Signals(number)]
        self.status = 128 + number


def catch_at_start() -> None:
    """End the command in one line while it is imported; not a program that imports minicnn."""
    if _is_command():
        for number in SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _end_with_a_line)


def _is_command() -> bool:
    """Whether Python was started for ``minicnn`` or ``python -m minicnn``."""
    if sys.argv[0] != "-m":  # which it is while Python looks for the module to run
        return os.path.basename(sys.argv[0]) in SCRIPTS
    return ("-m", "minicnn") in pairwise(sys.orig_argv)


def _end_with_a_line(number: int, frame: FrameType | None) -> None:
    if sys.stderr is not None:  # otherwise another file may have its number
        with contextlib.suppress(OSError):
            os.write(2, f"minicnn: {SIGNALS[signal.Signals(number)]}\n".encode())
    _end(number, frame)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


class Interrupts:
    """The two signals while a command runs; see ``interruptible``."""

    def __init__(self) -> None:
        self._raises = False

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Raise Interrupt for the first signal in the block; any other ends the process."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if not self._raises:
            _end(number, frame)
        self._raises = False
        raise Interrupt(number)

    def raise_again(self, lost: sys.UnraisableHookArgs) -> None:
        """The hook for an exception in ``__del__``, which Python would only print."""
        if isinstance(lost.exc_value, Interrupt):
            self._raises = True
            threading.Timer(0.01, _thread.interrupt_main, [lost.exc_value.number]).start()
        else:
            sys.__unraisablehook__(lost)


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Catch both signals; those of a command that has ended end the process without a line.

    A signal that the shell has told the program to ignore, as nohup does, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupts()
        return
    interrupts = Interrupts()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    caught = {n: handler for n, handler in before.items() if handler != signal.SIG_IGN}
    hook, sys.unraisablehook = sys.unraisablehook, interrupts.raise_again
    for number in caught:
        signal.signal(number, interrupts.handle)
    try:
        yield interrupts
    finally:
        sys.unraisablehook = hook
        for number, handler in caught.items():
            if handler != _end_with_a_line:  # then the program ends now, and has said all
                signal.signal(number, handler)

"""Ctrl-C and SIGTERM: the command ends in order; a second time, it ends at once."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..startup import SIGNALS, end, end_with_a_line


class Interrupt(KeyboardInterrupt):
    """Raised where a command is interrupted; status: what a shell reports for the signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.reason = SIGNALS[signal.Signals(number)]
        self.status = 128 + number


class Interrupts:
    """What the two signals do while a command runs; see ``interruptible``."""

    def __init__(self) -> None:
        self._raises = False

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise Interrupt for the first signal in the block; every other one ends the process."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if not self._raises:
            end(number, frame)
        self._raises = False
        raise Interrupt(number)

    def raise_again(self, lost: sys.UnraisableHookArgs) -> None:
        """The hook for an exception in ``__del__``, which Python would only print."""
        if isinstance(lost.exc_value, Interrupt):
            self._raises = True
            threading.Timer(0.01, _thread.interrupt_main, [lost.exc_value.number]).start()
        else:
            sys.__unraisablehook__(lost)


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Catch both signals, and end the process for one outside of ``raised``, as at the very end.

    A signal that the shell has told the program to ignore, as nohup does, stays ignored.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
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
            if handler != end_with_a_line:  # the command has said all, and Python ends now
                signal.signal(number, handler)

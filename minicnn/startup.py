"""Ctrl-C and SIGTERM while the command is imported; ``minicnn/cli/interrupts.py`` is for later.

``minicnn/__init__`` imports this file first, so it imports nothing that takes time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from itertools import pairwise
from types import FrameType

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
SCRIPTS = ("minicnn", "minicnn.exe")

RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
"""What the launchers of Open MPI and MPICH tell a process: which one it is."""


def catch_signals() -> None:
    """End the command in one line. In a program that imports minicnn, nothing is changed."""
    if not _is_command():
        return
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            with contextlib.suppress(ValueError):  # it is imported in another thread
                signal.signal(number, end_with_a_line)


def _is_command() -> bool:
    """Whether Python was started for ``minicnn`` or ``python -m minicnn``."""
    program = "".join(sys.argv[:1])  # a program that embeds Python may have none
    if program != "-m":  # which it is while Python looks for the module to run
        return os.path.basename(program) in SCRIPTS
    return ("-m", "minicnn") in pairwise(sys.orig_argv)


def end_with_a_line(number: int, frame: FrameType | None) -> None:
    for other in SIGNALS:
        signal.signal(other, end)
    try:
        is_first = all(os.environ.get(name, "0") == "0" for name in RANKS)
        if is_first and sys.stderr is not None:  # otherwise another file may have its number
            os.write(2, f"minicnn: {SIGNALS[signal.Signals(number)]}\n".encode())
    finally:
        end(number, frame)


def end(number: int, frame: FrameType | None) -> None:
    """End the process at once, with what a shell reports for the signal."""
    os._exit(128 + number)

"""An error in one process ends all: the others would wait for it for ever."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from .launch import launched_rank

if TYPE_CHECKING:
    from .processes import Group

DELAY, LONGEST_DELAY = 0.3, 2.0
"""Seconds that each rank waits longer: an error that all have is then told once, by the first."""
FORWARDING = 0.1
"""Seconds in which the launcher can pass on what was printed."""


def end_together(processes: Group) -> None:
    """From now on an error that nobody catches is told with its process, and ends all of them."""
    before = sys.excepthook

    def tell(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        _wait_for_turn(processes)
        if issubclass(kind, KeyboardInterrupt):
            _end_all(processes, "interrupted", 130)
            return
        before(kind, error, traceback)
        _end_all(processes, "the error above", 1)

    sys.excepthook = tell


def tell_and_end(processes: Group, message: str, status: int) -> None:
    """Print why this process fails; if there are others, say which one it is, and end all."""
    if processes.size > 1:
        _wait_for_turn(processes)
        _end_all(processes, message, status)
    elif launched_rank() == 0:  # perhaps of several that have not found each other
        print(message, file=sys.stderr)


def _wait_for_turn(processes: Group) -> None:
    """Let the processes with lower ranks speak first."""
    time.sleep(min(DELAY * processes.rank, LONGEST_DELAY))


def _end_all(processes: Group, message: str, status: int) -> None:
    where = f"in process {processes.rank} of {processes.size}, which ends all"
    print(f"{message} ({where})", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    time.sleep(FORWARDING)
    processes.abort(status)

"""Mutated files for every reader: only the documented error, in time, in bounded memory."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from .lies import Liar
from .readers import Reader, make_readers
from .tally import Tally

LONGEST = 5  # seconds of the processor: other programs may be busy
LONGEST_WAIT = 60  # seconds of the clock
MOST_MEMORY = 1 << 30  # bytes
LIES = 50  # one input in so many is a checkpoint whose hash is right


class Hang(BaseException):
    """Raised in a reader that takes too long; no reader catches it."""


def fuzz(inputs: int, seed: int, tally: Tally, keep: Path | None = None) -> None:
    """Read so many mutated files. keep: where to write those that are faults."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name, _quiet_pictures():
        folder = Path(name)
        readers, liar = make_readers(folder), Liar(folder)
        for number in range(inputs):
            random = Random(f"{seed} {number}")
            told = f"seed {seed}, input {number}"
            if number % LIES == 0:
                outcome = watch(lambda random=random: liar.tell(random))
                kind, content = "checkpoint, hash right", b""
            else:
                reader = readers[number % len(readers)]
                kind, content = reader.name, reader.make(random)
                outcome = watch(lambda r=reader, c=content: read(r, folder / "input", c))
            if outcome in ("refused", "accepted"):
                getattr(tally, outcome)[kind] += 1
                continue
            tally.add_fault(kind, f"{told}: {outcome}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number}-{kind}").write_bytes(content)


def read(reader: Reader, path: Path, content: bytes) -> str:
    """Whether the reader refused or accepted the content; raises what it should not raise."""
    path.write_bytes(content)
    try:
        reader.read(path)
    except reader.errors:
        return "refused"
    return "accepted"


def watch(call: Callable[[], str]) -> str:
    """What the call returns, or what is wrong with it: an error, its time, its memory."""
    before, start = _most_memory(), time.process_time()
    try:
        with _limited_time():
            outcome = call()
    except Hang:
        return f"it took longer than {LONGEST} s, or waited {LONGEST_WAIT} s"
    except Exception as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
        return f"{type(error).__name__} at {where}: {str(error)[:100]}"
    if (seconds := time.process_time() - start) > LONGEST:
        return f"it took {seconds:.0f} s"
    if (after := _most_memory()) > max(before, MOST_MEMORY):
        return f"the memory grew to {after >> 20} MiB"
    return outcome


@contextmanager
def _limited_time() -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise Hang

    limits = {
        signal.ITIMER_PROF: (signal.SIGPROF, LONGEST),
        signal.ITIMER_REAL: (signal.SIGALRM, LONGEST_WAIT),
    }
    previous = {number: signal.signal(number, stop) for number, _ in limits.values()}
    for timer, (_, seconds) in limits.items():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer in limits:
            signal.setitimer(timer, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _most_memory() -> int:
    """The most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def _quiet_pictures() -> Iterator[None]:
    """Without what Pillow warns of, and what libtiff itself writes to the standard error."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def memory_folder() -> str | None:
    """A folder in memory, if there is one: a million small files are written."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

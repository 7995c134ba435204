"""Trainings that are disturbed at random moments, and resumed until they are done.

Each ends with the bytes of a training that was not disturbed, or that is a fault; and so is a
checkpoint that is damaged, lost, or older than one before it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from support.commands import write_idx

from minicnn import data
from minicnn.train.checkpoint_file import read_checkpoint

from .failing import CHECKPOINT, PROGRAMS, WEIGHTS
from .tally import Tally

EPOCHS = 3
SIGNALS = {
    "SIGKILL": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGSTOP, SIGKILL": [signal.SIGSTOP, signal.SIGKILL],
}
CALLS = ("fsync", "replace", "write")
LAST_FILE = {"command": EPOCHS + 1, "batches": 4 * EPOCHS + 1}  # checkpoints and the weights
ROOT = Path(__file__).parent.parent.parent


def kill(times: int, seed: int, tally: Tally) -> None:
    """Disturb so many times; every training begins in an empty folder."""
    random = Random(f"{seed} kills")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_digits(folder / "digits")
        undisturbed = {program: _undisturbed(folder, program) for program in PROGRAMS}
        number = 0
        while number < times:
            program = random.choice([*PROGRAMS])
            training = Training(folder / str(number), program, random, tally, undisturbed[program])
            while number < times and not training.is_done():
                training.disturb(f"seed {seed}, kill {number}")
                number += 1
            training.finish(f"seed {seed}, before kill {number}")


class Undisturbed(NamedTuple):
    weights: bytes
    seconds: float


def _undisturbed(folder: Path, program: str) -> Undisturbed:
    folder, start = folder / program, time.monotonic()
    assert run(folder, program).wait() == 0, f"a training failed: {errors(folder)}"
    return Undisturbed((folder / WEIGHTS).read_bytes(), time.monotonic() - start)


class Training:
    """One training in a folder of its own, which may be disturbed and resumed."""

    def __init__(
        self, folder: Path, program: str, random: Random, tally: Tally, undisturbed: Undisturbed
    ) -> None:
        self.folder, self.program, self.undisturbed = folder, program, undisturbed
        self.random, self.tally = random, tally
        self.reached = (0, 0)  # epoch and batch in the checkpoint, when it was last read

    def is_done(self) -> bool:
        return (self.folder / WEIGHTS).exists()

    def disturb(self, told: str) -> None:
        """Run until a signal or a call that fails; the checkpoint is intact afterwards."""
        kind = self.random.choice([*SIGNALS, *CALLS])
        if kind in CALLS:
            files = LAST_FILE[self.program]
            process = run(self.folder, self.program, kind, str(self.random.randint(1, files)))
            status = process.wait()
            if status not in (0, 2):
                self.tally.add_fault(kind, f"{told}: status {status}, {errors(self.folder)}")
        else:
            process = run(self.folder, self.program)
            try:
                process.wait(self.random.uniform(0, self.undisturbed.seconds))
            except subprocess.TimeoutExpired:
                for number in SIGNALS[kind]:
                    process.send_signal(number)
            status = process.wait()
        if status:
            self.tally.refused[kind] += 1
        else:
            self.tally.accepted[kind] += 1
        self.check(kind, told)

    def check(self, kind: str, told: str) -> None:
        """A checkpoint that was there is there, whole, and no older."""
        path, reached = self.folder / CHECKPOINT, (0, 0)
        try:
            if path.exists():
                progress = read_checkpoint(path)["progress"]
                reached = progress["epoch"], progress["batch"]
        except ValueError as error:
            self.tally.add_fault(kind, f"{told}: {error}")
            return
        if reached < self.reached:
            lost = "epoch {}, batch {}".format(*self.reached)
            self.tally.add_fault(kind, f"{told}: the checkpoint of {lost} is lost")
        self.reached = reached

    def finish(self, told: str) -> None:
        """Resume until the end, and compare the weights."""
        kind = "trainings, resumed to the end"
        status = 0 if self.is_done() else run(self.folder, self.program).wait()
        if status:
            self.tally.add_fault(kind, f"{told}: status {status}, {errors(self.folder)}")
        elif (self.folder / WEIGHTS).read_bytes() != self.undisturbed.weights:
            self.tally.add_fault(kind, f"{told}: other weights")
        else:
            self.tally.accepted[kind] += 1


def run(folder: Path, program: str, *failing: str) -> subprocess.Popen[bytes]:
    """Start the training, or resume it. failing: the call that fails, and at which time."""
    folder.mkdir(exist_ok=True)
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    with open(folder / "stderr", "wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "stress.failing", *failing, program, str(EPOCHS)],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip


def errors(folder: Path) -> str:
    """The last line that the training wrote to stderr."""
    lines = (folder / "stderr").read_text(errors="replace").splitlines()
    return lines[-1] if lines else "nothing on stderr"


def write_digits(folder: Path) -> None:
    """A few of the bundled digits as IDX files, so that an epoch is short."""
    folder.mkdir()
    for stem, split in (("train", "train"), ("t10k", "test")):
        digits = data.load("digits", split)
        write_idx(folder / f"{stem}-images-idx3-ubyte", digits.images[:200, 0])
        write_idx(folder / f"{stem}-labels-idx1-ubyte", digits.labels[:200].astype(np.uint8))

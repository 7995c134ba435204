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

import numpy as np
from support.commands import write_idx

from minicnn import data
from minicnn.train.checkpoint_file import read_checkpoint

from .tally import Tally

EPOCHS = 3
SIGNALS = {
    "SIGKILL": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGSTOP, SIGKILL": [signal.SIGSTOP, signal.SIGKILL],
}
CALLS = ("fsync", "replace", "write")
ROOT = Path(__file__).parent.parent.parent


def kill(times: int, seed: int, tally: Tally) -> None:
    """Disturb so many times; every training begins in an empty folder."""
    random = Random(f"{seed} kills")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_digits(folder / "digits")
        start = time.monotonic()
        undisturbed = folder / "undisturbed"
        assert run(undisturbed, []).wait() == 0, f"a training failed: {errors(undisturbed)}"
        seconds, number = time.monotonic() - start, 0
        expected = (undisturbed / "weights.st").read_bytes()
        while number < times:
            training = Training(folder / str(number), expected, random, tally, seconds)
            while number < times and not training.is_done():
                training.disturb(f"seed {seed}, kill {number}")
                number += 1
            training.finish(f"seed {seed}, before kill {number}")
            seconds = training.seconds


class Training:
    """One training in a folder of its own, which may be disturbed and resumed."""

    def __init__(
        self, folder: Path, expected: bytes, random: Random, tally: Tally, seconds: float
    ) -> None:
        self.folder, self.expected, self.random = folder, expected, random
        self.tally, self.seconds = tally, seconds
        self.epochs = 0  # in the checkpoint, when it was last read

    def is_done(self) -> bool:
        return (self.folder / "weights.st").exists()

    def disturb(self, told: str) -> None:
        """Run until a signal or a call that fails; the checkpoint is intact afterwards."""
        kind = self.random.choice([*SIGNALS, *CALLS])
        if kind in CALLS:
            process = run(self.folder, [kind, str(self.random.randrange(1, EPOCHS + 2))])
            status = process.wait()
            if status not in (0, 2):
                self.tally.add_fault(kind, f"{told}: status {status}, {errors(self.folder)}")
        else:
            process, start = run(self.folder, []), time.monotonic()
            try:
                process.wait(self.random.uniform(0, self.seconds))
                self.seconds = min(self.seconds, time.monotonic() - start)
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
        path = self.folder / "run.ckpt"
        try:
            epochs = read_checkpoint(path)["progress"]["epoch"] if path.exists() else 0
        except ValueError as error:
            self.tally.add_fault(kind, f"{told}: {error}")
            return
        if epochs < self.epochs:
            self.tally.add_fault(kind, f"{told}: a checkpoint of epoch {self.epochs} is lost")
        self.epochs = epochs

    def finish(self, told: str) -> None:
        """Resume until the end, and compare the weights."""
        kind = "trainings, resumed to the end"
        status = 0 if self.is_done() else run(self.folder, []).wait()
        if status:
            self.tally.add_fault(kind, f"{told}: status {status}, {errors(self.folder)}")
        elif (self.folder / "weights.st").read_bytes() != self.expected:
            self.tally.add_fault(kind, f"{told}: other weights")
        else:
            self.tally.accepted[kind] += 1


def run(folder: Path, failing: list[str]) -> subprocess.Popen[bytes]:
    """Start the training, or resume it. failing: the call that fails, and at which time."""
    folder.mkdir(exist_ok=True)
    resume = ["--resume", "run.ckpt"] if (folder / "run.ckpt").exists() else []
    arguments = [
        "train", "lenet5", "--data", str(folder.parent / "digits"), "--epochs", str(EPOCHS),
        "--seed", "1", "--checkpoint", "run.ckpt", "--weights", "weights.st", *resume,
    ]  # fmt: skip
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    with open(folder / "stderr", "wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "stress.failing", *failing, *arguments],
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

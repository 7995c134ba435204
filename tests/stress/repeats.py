"""The same training under other circumstances: the same seed gives the same bits.

Drawn are what Python, BLAS and the system take from the environment: the seed of hashes, threads,
the language, the time zone, the folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

from minicnn.backend import DeviceError, resolve_device

from .kills import ROOT, errors, write_digits
from .tally import Tally

FILES = ("weights.st", "page.html")
PROGRAM = """
import sys
from minicnn.cli import main
train = ["train", "lenet5", "--data", "../digits", "--epochs", "2", "--seed", "1"]
for command in ([*train, "--weights", "weights.st"], ["show", "weights.st", "-o", "page.html"]):
    status = main(command)
    if status:
        sys.exit(status)
"""
CIRCUMSTANCES: dict[str, list[str | None]] = {
    "PYTHONHASHSEED": ["0", "1", "42", "random"],
    "OPENBLAS_NUM_THREADS": ["1", "2", "4", None],
    "MINICNN_NUM_THREADS": ["1", "2", "3", "5", None],
    "PYTHONOPTIMIZE": ["1", "2", None],
    "PYTHONMALLOC": ["malloc", None],
    "LC_ALL": ["C", "de_DE.UTF-8", None],
    "TZ": ["Asia/Tokyo", "UTC", None],
}


def repeat(times: int, seed: int, tally: Tally) -> None:
    """Train so many times; the first training on each device says what the others must be."""
    random, found = Random(f"{seed} repeats"), devices()
    firsts: dict[str, dict[str, bytes]] = {}
    with tempfile.TemporaryDirectory() as name:
        write_digits(Path(name) / "digits")
        for number in range(times):
            device = found[number % len(found)]
            drawn = {key: random.choice(values) for key, values in CIRCUMSTANCES.items()}
            told = ", ".join(f"{key}={value}" for key, value in drawn.items() if value)
            kind, folder = f"repeats on {device}", Path(name) / str(number)
            status = train(folder, {**drawn, "MINICNN_DEVICE": device})
            if status:
                tally.add_fault(kind, f"{told}: status {status}, {errors(folder)}")
                continue
            made = {file: (folder / file).read_bytes() for file in FILES}
            first = firsts.setdefault(device, made)
            differ = [file for file in FILES if made[file] != first[file]]
            if differ:
                tally.add_fault(kind, f"{told}: other bytes in {' and '.join(differ)}")
            else:
                tally.accepted[kind] += 1


def train(folder: Path, drawn: dict[str, str | None]) -> int:
    """The status of a training in a new folder."""
    folder.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in drawn}
    environment |= {key: value for key, value in drawn.items() if value is not None}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with open(folder / "stderr", "wb") as stderr:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=stderr, timeout=300,
        ).returncode  # fmt: skip


def devices() -> list[str]:
    """Those that compute here, but for the emulator, which takes minutes."""
    found = []
    for device in ("cpu", "native"):
        with suppress(DeviceError):
            found.append(resolve_device(device))
    return found

"""The stress tests in small; ``python -m tests.stress`` runs any number."""

from __future__ import annotations

import mmap
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stress import mutate, repeats
from stress.leaks import STATM, find_leaks
from stress.tally import Tally

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("kind", "times", "row"), [
    ("kills", 20, "trainings, resumed to the end"),
    ("fuzz", 20_000, "checkpoint, hash right"),
    ("leaks", 20, "leaks: weights"),
    ("repeats", 4, "repeats on cpu"),
])  # fmt: skip
def test_no_fault(kind: str, times: int, row: str) -> None:
    times = int(os.environ.get(f"MINICNN_{kind.upper()}", times))
    wanted = {"kills": 0, "fuzz": 0, "leaks": 0, "repeats": 0} | {kind: times}
    options = [f"--{name}={number}" for name, number in wanted.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stress", *options],
        capture_output=True, text=True, cwd=ROOT, timeout=300 + 10 * times,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert row in done.stdout or (kind == "leaks" and not STATM.exists())


needs_proc = pytest.mark.skipif(not STATM.exists(), reason="there is no /proc")


def take_memory() -> mmap.mmap:
    """Memory that is the system's and not Python's, and written to, so that it counts."""
    taken = mmap.mmap(-1, 1 << 20)
    taken.write(bytes(len(taken)))
    return taken


def make_leaks() -> dict[str, Callable[[], object]]:
    kept: list[object] = []
    wait = threading.Event().wait
    return {
        "blocks": lambda: kept.append(object()),
        "memory": lambda: kept.append(take_memory()),
        "files": lambda: kept.append(open(os.devnull)),
        "threads": lambda: threading.Thread(target=wait, daemon=True).start(),
    }


@needs_proc
@pytest.mark.parametrize(("what", "work"), make_leaks().items())
def test_a_leak_is_found(what: str, work: Callable[[], object]) -> None:
    assert what in [line.partition(":")[0] for line in find_leaks(work, 20)]


@needs_proc
def test_what_is_kept_once_is_no_leak() -> None:
    kept: dict[int, object] = {}
    assert find_leaks(lambda: kept.setdefault(0, np.ones(10_000)), 20) == []


def test_other_bytes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(folder: Path, drawn: dict[str, str | None]) -> int:
        folder.mkdir()
        for file in repeats.FILES:
            (folder / file).write_text(str(drawn["PYTHONHASHSEED"] == "random"))
        return 0

    monkeypatch.setattr(repeats, "train", train)
    tally = Tally()
    repeats.repeat(20, 0, tally)
    lines = [line for lines in tally.faults.values() for line in lines]
    assert lines
    assert all("other bytes in weights.st and page.html" in line for line in lines)


@pytest.mark.parametrize("mutation", mutate.MUTATIONS)
def test_a_mutation_depends_on_the_seed_only(mutation) -> None:
    content = b'{"a": 1, "b": [2, 3]}' * 20
    for given in (content, b"", b"x"):
        made = [mutation(random.Random(seed), given, [content, b""]) for seed in range(20)]
        assert made == [mutation(random.Random(seed), given, [content, b""]) for seed in range(20)]
    changed = [mutation(random.Random(seed), content, [content[::-1]]) for seed in range(20)]
    assert len(set(changed)) > 1


def test_the_table_has_a_row_for_each_kind_and_the_sum() -> None:
    tally = Tally()
    tally.refused["b"] += 2
    tally.accepted["a"] += 1
    tally.add_fault("b", "seed 0, input 3: it took longer than 5 s")
    assert tally.rows() == [
        ["a", "1", "0", "1", "0"], ["b", "3", "2", "0", "1"], ["all", "4", "2", "1", "1"],
    ]  # fmt: skip

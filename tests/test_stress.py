"""The stress tests in small; ``python -m tests.stress`` runs any number."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from stress import mutate
from stress.tally import Tally

ROOT = Path(__file__).parent.parent


def test_trainings_that_are_killed_and_files_that_are_damaged() -> None:
    kills, fuzz = os.environ.get("MINICNN_KILLS", "5"), os.environ.get("MINICNN_FUZZ", "2000")
    done = subprocess.run(
        [sys.executable, "-m", "tests.stress", "--kills", kills, "--fuzz", fuzz],
        capture_output=True, text=True, cwd=ROOT, timeout=10 * int(kills) + int(fuzz) / 20 + 300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert "trainings, resumed to the end" in done.stdout


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

"""``python -m tests.stress``: one table, and status 1 if there was a fault."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for tests/support

from minicnn.text_table import text_table

from .fuzz import fuzz
from .kills import kill
from .leaks import STATM, count_leaks
from .repeats import repeat
from .tally import Tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="disturbed trainings (default: 20)")
    parser.add_argument("--fuzz", type=int, default=20_000, help="files (default: 20,000)")
    parser.add_argument("--leaks", type=int, default=100, help="of each work (default: 100)")
    parser.add_argument("--repeats", type=int, default=20, help="trainings (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--keep", type=Path, help="write the files that are faults to this folder")
    options = parser.parse_args()
    tally, start = Tally(), time.monotonic()
    fuzz(options.fuzz, options.seed, tally, options.keep)
    if options.leaks and STATM.exists():
        count_leaks(options.leaks, tally)
    if options.kills:
        kill(options.kills, options.seed, tally)
    repeat(options.repeats, options.seed, tally)
    rows = [["", "tried", "refused", "accepted", "faults"], *tally.rows()]
    print(text_table(rows))
    for kind, lines in tally.faults.items():
        for line in lines[:20]:
            print(f"{kind}: {line}")
    print(f"{time.monotonic() - start:.0f} s")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())

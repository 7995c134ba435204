"""How long does ``import minicnn`` take beyond ``import numpy``?

    python -m benchmarks.startup

Each import runs in its own Python process, in turns; the first runs, which compile, do not count.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from .contest import report
from .options import Parser


def seconds(statement: str) -> float:
    """How long a fresh Python takes to run the statement."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Time both imports in turns, print the table and save it."""
    options = Parser(__doc__, runs=(30, 2)).options(arguments)
    statements = ("import numpy", "import minicnn")
    for statement in statements:
        seconds(statement)
    times = [[seconds(statement) * 1e3 for statement in statements] for _ in range(options.runs)]
    numpy_ms, minicnn_ms = (statistics.median(column) for column in zip(*times, strict=True))
    extra = [b - a for a, b in times]
    low, _, high = statistics.quantiles(extra, n=4)
    lines = [
        "| statement | median, ms |",
        "|---|---|",
        f"| import numpy | {numpy_ms:.1f} |",
        f"| import minicnn | {minicnn_ms:.1f} |",
        f"| difference (quartiles) | {minicnn_ms - numpy_ms:.1f} ({low:.1f} to {high:.1f}) |",
    ]
    numbers = {"numpy_ms": numpy_ms, "minicnn_ms": minicnn_ms, "extra_quartiles_ms": [low, high]}
    report("startup" + options.more, lines, numbers, options.results)


if __name__ == "__main__":
    main()

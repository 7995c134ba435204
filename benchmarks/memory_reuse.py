"""How much is gained by keeping freed memory (``minicnn/backend/malloc.py``)?

    python -m benchmarks.memory_reuse

The training step of ``benchmarks.train_step`` with and without it, in turns.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .contest import Result, Step, compare, ratio
from .networks import minicnn_step
from .options import Parser

SIZES = (("lenet5", 128), ("alexnet_mnist", 128), ("alexnet_mnist", 512))


def without_reuse(network: str, batch: int) -> Step:
    """The step in a process that returns freed memory to the system."""
    os.environ["MINICNN_KEEP_MEMORY"] = "0"  # before minicnn is imported
    return minicnn_step(network, batch)


def rows(work: Any, kept: Result, given_back: Result) -> tuple[list[str], dict[str, Any]]:
    """Two rows for one network and batch size, and their numbers."""
    name, quotient = "{}, {}".format(*work), ratio(given_back, kept)
    start = "| {} | {} |".format(*work)
    return [
        f"{start} kept | {kept.ms:.2f} |  | {kept.peak_mib:.0f} |",
        f"{start} given back | {given_back.ms:.2f} | {quotient:.2f} | {given_back.peak_mib:.0f} |",
    ], {
        f"{name}, kept": kept.median,
        f"{name}, given back": given_back.median,
        f"{name}, ratio": quotient,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest, print its table and save it."""
    parser = Parser(__doc__, rounds=(15, 2), steps=(6, 1), sizes=(len(SIZES), 1))
    options = parser.options(arguments)
    columns = (
        *("network", "batch", "freed memory", "step, ms"),
        *("given back / kept (quartiles)", "peak MiB"),
    )
    builds = {"kept": minicnn_step, "given back": without_reuse}
    compare("memory_reuse", builds, SIZES[: options.sizes], columns, rows, options)


if __name__ == "__main__":
    main()

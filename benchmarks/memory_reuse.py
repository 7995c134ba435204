"""How much is gained by keeping freed memory (``minicnn/backend/malloc.py``)?

    python -m benchmarks.memory_reuse

The training step of ``benchmarks.train_step`` with and without it, in turns.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from .contest import Step, contests, ratio, report
from .networks import minicnn_step
from .options import Parser

SIZES = (("lenet5", 128), ("alexnet_mnist", 128), ("alexnet_mnist", 512))


def without_reuse(network: str, batch: int) -> Step:
    """The step in a process that returns freed memory to the system."""
    stand_in = ModuleType("minicnn.backend.malloc")
    stand_in.keep_freed_memory = lambda: None  # type: ignore[attr-defined]
    sys.modules["minicnn.backend.malloc"] = stand_in
    return minicnn_step(network, batch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest, print its table and save it."""
    parser = Parser(__doc__, rounds=(15, 2), steps=(6, 1), sizes=(len(SIZES), 1))
    options = parser.options(arguments)
    lines = [
        "| network | batch | freed memory | step, ms | given back / kept (quartiles) | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {}
    builds = {"kept": minicnn_step, "given back": without_reuse}
    works = SIZES[: options.sizes]
    for work, kept, given_back in contests(builds, works, options.rounds, options.steps):
        network, batch = work
        quotient = ratio(given_back, kept)
        for name, result, compared in (
            ("kept", kept, ""),
            ("given back", given_back, f"{quotient:.2f}"),
        ):
            lines.append(
                f"| {network} | {batch} | {name} | {result.ms:.2f} | {compared} "
                f"| {result.peak_mib:.0f} |"
            )
            numbers[f"{network}, {batch}, {name}"] = result.median
        numbers[f"{network}, {batch}, ratio"] = quotient
    report("memory_reuse" + options.more, lines, numbers, options.results)


if __name__ == "__main__":
    main()

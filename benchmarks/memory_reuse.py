"""What does it bring to keep freed memory (``minicnn/backend/memory.py``)?

    python -m benchmarks.memory_reuse

The training step of ``benchmarks.train_step`` with and without, in turns.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from .contest import Step, contest, ratio, save
from .networks import minicnn_step
from .options import Parser

SIZES = (("lenet5", 128), ("alexnet_mnist", 128), ("alexnet_mnist", 512))


def without_reuse(network: str, batch: int) -> Step:
    """The step in a process where freed memory goes back to the system."""
    stand_in = ModuleType("minicnn.backend.malloc")
    stand_in.keep_freed_memory = lambda: None  # type: ignore[attr-defined]
    sys.modules["minicnn.backend.malloc"] = stand_in
    return minicnn_step(network, batch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest, print its table and keep it."""
    options = Parser(__doc__, rounds=(15, 2), steps=(6, 1), sizes=(len(SIZES), 1)).options(
        arguments
    )
    contestants = {"kept": minicnn_step, "given back": without_reuse}
    lines = [
        "| network | batch | freed memory | step, ms | given back / kept (quartiles) | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {}
    for network, batch in SIZES[: options.sizes]:
        results = contest(contestants, (network, batch), options.rounds, options.steps)
        quotient, low, high = ratio(results["given back"], results["kept"])
        for name, result in results.items():
            compared = "" if name == "kept" else f"**{quotient:.2f}** ({low:.2f}-{high:.2f})"
            lines.append(
                f"| {network} | {batch} | {name} | {result.median * 1e3:.2f} | {compared} "
                f"| {result.peak_mib:.0f} |"
            )
            numbers[f"{network}, {batch}, {name}"] = result.median
        numbers[f"{network}, {batch}, ratio"] = [quotient, low, high]
    table = "\n".join(lines)
    print(table)
    call = "memory_reuse" + options.more
    save(call, table, numbers, options.results)


if __name__ == "__main__":
    main()

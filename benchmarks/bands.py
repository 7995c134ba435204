"""What does it bring to make the columns of a convolution in bands of rows?

    python -m benchmarks.bands

A whole training step with the columns of each convolution made at once, and in bands of a few
megabytes as in ``minicnn/backend/vectorised/convolution.py``; and the peak memory of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .contest import Step, contest, ratio, save
from .networks import minicnn_step
from .options import Parser

WORK = (("lenet5", 128), ("lenet5", 512), ("alexnet_mnist", 128), ("alexnet_mnist", 512))


def at_once(network: str, batch: int) -> Step:
    """All columns of a convolution in one array."""
    from minicnn.backend.vectorised import convolution

    convolution._numpy.column_bytes = 1 << 60
    return minicnn_step(network, batch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest for each network and batch size, print its table and keep it."""
    parser = Parser(__doc__, rounds=(10, 2), steps=(10, 1), works=(len(WORK), 1))
    options = parser.options(arguments)
    lines = [
        "| network | batch | at once, ms | in bands, ms | at once / in bands (quartiles) "
        "| peak MiB at once | in bands |",
        "|---|---|---|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {}
    contestants = {"at once": at_once, "in bands": minicnn_step}
    for network, batch in WORK[: options.works]:
        results = contest(contestants, (network, batch), options.rounds, options.steps)
        whole, parts = (results[name] for name in contestants)
        quotient, low, high = ratio(whole, parts)
        lines.append(
            f"| {network} | {batch} | {whole.median * 1e3:.2f} | {parts.median * 1e3:.2f} "
            f"| **{quotient:.2f}** ({low:.2f}-{high:.2f}) "
            f"| {whole.peak_mib:.0f} | {parts.peak_mib:.0f} |"
        )
        numbers[f"{network}, {batch}"] = {
            "at_once_ms": whole.median * 1e3,
            "in_bands_ms": parts.median * 1e3,
            "ratio": [quotient, low, high],
            "peak_mib": [whole.peak_mib, parts.peak_mib],
        }
    table = "\n".join(lines)
    print(table)
    save("bands" + options.more, table, numbers, options.results)


if __name__ == "__main__":
    main()

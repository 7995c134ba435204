"""How much is gained by making the columns of a convolution in bands of rows?

    python -m benchmarks.bands

A whole training step, with the columns of each convolution made all at once, and in bands of a few
megabytes as in ``minicnn/backend/vectorised/convolution.py``; and the peak memory of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .contest import Result, Step, compare, ratio
from .networks import minicnn_step
from .options import Parser

WORK = (("lenet5", 128), ("lenet5", 512), ("alexnet_mnist", 128), ("alexnet_mnist", 512))


def at_once(network: str, batch: int) -> Step:
    """All columns of a convolution in one array."""
    from minicnn.backend.vectorised import convolution

    convolution._numpy.column_bytes = 1 << 60
    return minicnn_step(network, batch)


def rows(work: Any, whole: Result, bands: Result) -> tuple[list[str], dict[str, Any]]:
    """A row for one network and batch size, and its numbers."""
    network, batch = work
    quotient, peaks = ratio(whole, bands), [whole.peak_mib, bands.peak_mib]
    line = (
        f"| {network} | {batch} | {whole.ms:.2f} | {bands.ms:.2f} | {quotient:.2f} "
        f"| {peaks[0]:.0f} | {peaks[1]:.0f} |"
    )
    numbers = {
        "at_once_ms": whole.ms,
        "in_bands_ms": bands.ms,
        "ratio": quotient,
        "peak_mib": peaks,
    }
    return [line], {f"{network}, {batch}": numbers}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest for each network and batch size, print its table and save it."""
    parser = Parser(__doc__, rounds=(10, 2), steps=(10, 1), works=(len(WORK), 1))
    options = parser.options(arguments)
    columns = (
        *("network", "batch", "at once, ms", "in bands, ms", "at once / in bands (quartiles)"),
        *("peak MiB at once", "in bands"),
    )
    builds = {"at once": at_once, "in bands": minicnn_step}
    compare("bands", builds, WORK[: options.works], columns, rows, options)


if __name__ == "__main__":
    main()

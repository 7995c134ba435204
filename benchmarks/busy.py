"""How long does a matrix product take while another program keeps one core busy?

    python -m benchmarks.busy

The product of a dense layer, (128, 1024) by (1024, 1024) in float32, again and again: by NumPy's
BLAS with one thread per core, by NumPy's BLAS with one thread (OPENBLAS_NUM_THREADS=1), and as
``linear`` on the device "native" with one thread per core. Each has its own process. First the
machine does nothing else, then one more process computes all the time.

The threads of OpenBLAS cut a product into equal parts and wait for each other's, asking again and
again. A thread that is not scheduled stops all others until the system lets it compute again, which
the highest percentiles show.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .contest import Build, Result, Step, contest, report
from .options import Parser
from .plots import BLUE, GREY, ORANGE, plot

PERCENTILES = (50, 90, 99, 100)
TICKS = (2, 5, 10, 20, 50)  # ms
BATCH, INPUTS, OUTPUTS = 128, 1024, 1024


def blas(threads: int | None = None) -> Step:
    """The product by NumPy's BLAS, with its usual number of threads or that many."""
    if threads is not None:
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # read when NumPy is imported
    import numpy as np

    rng = np.random.default_rng(0)
    x, weight = rng.random((BATCH, INPUTS), np.float32), rng.random((OUTPUTS, INPUTS), np.float32)
    y = x @ weight.T
    return lambda: np.matmul(x, weight.T, out=y)


def blas_of_one_thread() -> Step:
    """The product by NumPy's BLAS on one thread."""
    return blas(1)


def native() -> Step:
    """The product on the device "native"."""
    from minicnn.backend import kernels_for

    from .devices import compiled, copy_to
    from .layers import random

    device = compiled()
    x, weight = (copy_to(device, random(*shape)) for shape in ((INPUTS, BATCH), (OUTPUTS, INPUTS)))
    kernels = kernels_for(x)
    return lambda: kernels.linear(x, weight, None)


CONTESTANTS: dict[str, Build] = {
    "BLAS": blas,
    "BLAS, one thread": blas_of_one_thread,
    "minicnn native": native,
}


@contextmanager
def busy_process(wanted: bool) -> Iterator[None]:
    """Another process that computes all the time, if it is wanted."""
    if not wanted:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(target=_compute, daemon=True)
    process.start()
    time.sleep(1)  # until it computes
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _compute() -> None:
    while True:
        sum(range(10_000))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with and without the other program, print the table, save it and draw it."""
    options = Parser(__doc__, rounds=(10, 2), steps=(200, 2)).options(arguments)
    names = [f"{each} %" if each < 100 else "slowest" for each in PERCENTILES]
    lines = [
        f"| next to | program | {', ms | '.join(names)}, ms |",
        "|---" * (2 + len(names)) + "|",
    ]
    numbers: dict[str, Any] = {"percentiles": PERCENTILES}
    measured: dict[str, dict[str, Result]] = {}
    for others, is_busy in (("nothing", False), ("a busy process", True)):
        with busy_process(is_busy):
            measured[others] = contest(CONTESTANTS, (), options.rounds, options.steps)
        for program, result in measured[others].items():
            times = percentiles(result)
            cells = " | ".join(f"{milliseconds:.2f}" for milliseconds in times)
            lines.append(f"| {others} | {program} | {cells} |")
            numbers[f"{program}, next to {others}"] = times
    call = "busy" + options.more
    report(call, lines, numbers, options.results)
    plot(call, options.results, (8, 2.6), lambda figure: draw(figure, measured))


def percentiles(result: Result) -> list[float]:
    """The PERCENTILES of all steps, in milliseconds."""
    times = sorted(seconds * 1e3 for block in result.rounds for seconds in block)
    return [times[min(len(times) - 1, len(times) * each // 100)] for each in PERCENTILES]


def draw(figure: Any, measured: dict[str, dict[str, Result]]) -> None:
    """One panel per neighbour: the share of the products that take longer than a time."""
    panels = figure.subplots(1, len(measured), sharex=True, sharey=True)
    for axes, (others, results) in zip(panels, measured.items(), strict=True):
        for (program, result), colour in zip(results.items(), (ORANGE, GREY, BLUE), strict=False):
            times = sorted(seconds * 1e3 for block in result.rounds for seconds in block)
            longer = [1 - k / len(times) for k in range(len(times))]
            axes.plot(times, longer, color=colour, label=program)
        axes.set(xscale="log", yscale="log", xlabel="ms")
        axes.set_xticks(TICKS, [str(tick) for tick in TICKS])
        axes.set_xticks([], minor=True)
        axes.set_title(f"next to {others}", loc="left")
        axes.grid()
    panels[0].set_ylabel("share of the products\nthat take longer")
    panels[0].legend()


if __name__ == "__main__":
    main()

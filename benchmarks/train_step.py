"""How much time and memory does a training step take, compared with other frameworks?

    python -m benchmarks.train_step
    python -m benchmarks.train_step --batch-size 32
    python -m benchmarks.train_step --batch-size 512

One step is forward, loss, backward and Adam, in float32, on one batch that stays in memory. The
networks are the same layer by layer, including ReLU after pooling: before the contest all start
from the same weights and must find the same loss. All get one thread per core. minicnn runs on its
devices "cpu" (NumPy) and "native" (compiled kernels), there as a Trainer does it: the first step is
recorded, and the others replay it.

PyTorch runs in its default memory format and in channels_last, which suits its convolutions best.
Keras 3 runs on TensorFlow with its usual channels-last images, through ``train_on_batch`` and
through ``make_train_function()``, the compiled step that ``fit`` runs, without ``fit``'s callbacks.
DeZero 0.0.13, the NumPy framework of a textbook, is the closest relative; it is adapted to NumPy 2
and float32, see ``dezero_step``. Frameworks that are not installed are left out.

"growth" is the memory that the steps add to a process that already holds its model and optimizer;
for Keras that includes tracing and compiling, which happen in the first step. For a fair contest
NumPy must use the BLAS kernels of this processor: unset OPENBLAS_CORETYPE if it is set.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Build, Result, contest, ratio, save
from .devices import PROGRAMS, REFERENCE
from .networks import CONTESTANTS, NETWORKS
from .options import Parser
from .plots import BLUE, GREY, plot

__all__ = ["HEAD", "draw_bars", "main", "rows", "same_results"]


def same_results(builds: dict[str, Build], args: tuple[Any, ...]) -> None:
    """Raise AssertionError unless the first step of every build returns the same result."""
    spawn = multiprocessing.get_context("spawn")
    expected = None
    for name, build in builds.items():
        with spawn.Pool(1) as pool:  # its own process, as in the contest
            found = pool.apply(_first_result, (build, args))
        if found is not None:
            expected = found if expected is None else expected
            error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
            assert error < 1e-4, f"{name} differs by {error:.2e}"


def _first_result(build: Build, args: tuple[Any, ...]) -> Any:
    try:
        return np.asarray(build(*args)())
    except ImportError:
        return None


HEAD = (
    "| {} | program | step, ms | minicnn / this (quartiles) | native / this (quartiles) "
    "| peak MiB | growth, MiB |\n"
    "|---|---|---|---|---|---|---|"
)


def rows(work: str, results: dict[str, Result]) -> tuple[list[str], dict[str, Any]]:
    """The results of one work: rows under ``HEAD``, and the numbers to save."""
    lines, numbers = [], {}
    for name, result in results.items():
        growth = result.peak_mib - result.baseline_mib
        by_this = {x: ratio(results[x], result) for x in PROGRAMS if x in results}
        compared = " | ".join(
            f"{by_this[x]:.2f}" if x in by_this and x != name else "" for x in PROGRAMS
        )
        lines.append(
            f"| {work} | {name} | {result.ms:.2f} | {compared} "
            f"| {result.peak_mib:.0f} | {growth:.0f} |"
        )
        numbers[f"{work}, {name}"] = {
            "median_seconds": result.median,
            "minicnn_by_this": by_this["minicnn"],
            "native_by_this": by_this.get(REFERENCE),
            "peak_mib": result.peak_mib,
            "growth_mib": growth,
        }
    return lines, numbers


def draw_bars(figure: Any, works: dict[str, dict[str, Result]], columns: int = 2) -> None:
    """One panel per work: the median of a step as a bar, its quartiles as whiskers."""
    panels = figure.subplots(-(-len(works) // columns), columns, squeeze=False).flat
    for panel, (work, results) in zip(panels, works.items(), strict=False):
        for place, (name, result) in enumerate(results.items()):
            times = [seconds * 1e3 for block in result.rounds for seconds in block]
            low, median, high = statistics.quantiles(times, n=4)
            panel.barh(place, median, 0.7, color=BLUE if name in PROGRAMS else GREY)
            panel.errorbar(median, place, xerr=[[median - low], [high - median]], color="black")
            digits = f"{median:.1f}" if median < 100 else f"{median:.0f}"
            panel.annotate(digits, (high, place), (3, 0), textcoords="offset points", va="center")
        panel.set_yticks(range(len(results)), list(results))
        panel.invert_yaxis()
        panel.margins(x=0.2)
        panel.set_title(work, loc="left")
        panel.set_xlabel("ms")
        panel.grid(axis="x")
    for panel in panels:  # unused panels
        panel.set_axis_off()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest for each network, print its table and save it with a plot."""
    parser = Parser(__doc__, rounds=(20, 2), steps=(10, 2), batch_size=(128, 128))
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    options = parser.options(arguments)
    batch, networks = options.batch_size, options.networks
    lines = [HEAD.format("network")]
    numbers: dict[str, Any] = {"batch_size": batch}
    works = {}
    print(lines[0], flush=True)
    for network in networks:
        same_results(CONTESTANTS, (network, batch))
        works[network] = contest(CONTESTANTS, (network, batch), options.rounds, options.steps)
        more_lines, more_numbers = rows(network, works[network])
        print("\n".join(more_lines), flush=True)
        lines += more_lines
        numbers |= more_numbers
    call = "train_step"
    call += f" --batch-size {batch}" if batch != 128 else ""
    call += f" --networks {' '.join(networks)}" if networks != list(NETWORKS) else ""
    save(call, "\n".join(lines), numbers, options.results)
    plot(call, options.results, (8, 2.6), lambda figure: draw_bars(figure, works))


if __name__ == "__main__":
    main()

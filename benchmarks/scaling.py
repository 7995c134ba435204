"""How does the time of a convolution grow with batch, image size, channels and kernel size?

    python -m benchmarks.scaling

Forward and backward of conv2d with padding "same" in float32, varying one variable at a time, with
the others as in BASE: on minicnn's device "cpu", and on "native" with one thread, two, and one per
core. The exponent is the slope of a line fitted to log(time) over log(variable). The expected
exponents are those of the number of multiplications: 1 for the batch, 2 for the side of the image,
for the channels (inputs and outputs together) and for the side of the kernel. Parts that grow more
slowly lower the exponent: copying columns (1 for channels), and Python.

The last column compares native on all cores with each program at the largest value. Each point of
each program has its own process, since the number of threads is read once; the points of a variable
take turns.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from .contest import Build, Step, contest, ratio, report
from .devices import compiled, copy_to
from .networks import cores
from .options import Parser
from .plots import BLUE, GREEN, GREY, ORANGE, plot

BASE = {"batch": 32, "image size": 28, "channels": 16, "kernel size": 3}
VALUES = {
    "batch": (8, 16, 32, 64, 128),
    "image size": (14, 20, 28, 40, 56),
    "channels": (8, 16, 32, 64, 128),
    "kernel size": (3, 5, 7, 9),
}
EXPECTED = {"batch": 1, "image size": 2, "channels": 2, "kernel size": 2}
COLUMNS = (
    *("variable", "values", "program", "ms", "exponent", "expected"),
    "native on all cores / this at the largest value (quartiles)",
)
COLOURS = (BLUE, ORANGE, GREEN, "black")


def convolution(sizes: Sequence[int], device: str = "cpu") -> Step:
    """Forward and backward of one convolution, C -> C; sizes: in the order of BASE."""
    import minicnn as mc

    batch, size, channels, kernel = sizes
    rng = np.random.default_rng(0)
    stored = rng.standard_normal((channels, size, size, batch), np.float32)
    pixels = copy_to(device, stored.transpose(3, 0, 1, 2))  # (N, C, H, W)
    kernels = rng.standard_normal((channels, channels, kernel, kernel), np.float32)
    x, weight = mc.Tensor(pixels, requires_grad=True), mc.Parameter(copy_to(device, kernels))
    grad = copy_to(device, np.ones_like(pixels))  # (N, C, H, W)

    def step() -> None:
        x.grad = weight.grad = None
        mc.ops.conv2d(x, weight, padding="same").backward(grad)

    return step


def native_convolution(threads: int, sizes: Sequence[int]) -> Step:
    """The same on the device "native" with that many threads."""
    os.environ["MINICNN_NUM_THREADS"] = str(threads)  # read when the first kernel runs
    return convolution(sizes, compiled())


def convolutions(sizes: Sequence[int]) -> dict[str, Build]:
    """The contestants by their names in the table."""
    counts = sorted({1, min(2, cores()), cores()})
    named = {f"minicnn native, {n} thread{'s' * (n > 1)}": n for n in counts}
    return {
        "minicnn": partial(convolution, sizes),
        **{name: partial(native_convolution, n, sizes) for name, n in named.items()},
    }


def exponent(values: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all points in turns, fit, print the table, save it and draw it."""
    options = Parser(__doc__, rounds=(10, 2), steps=(5, 1), points=(5, 2)).options(arguments)
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    numbers: dict[str, Any] = {"base": BASE}
    for variable, all_values in VALUES.items():
        values = all_values[: options.points]
        points: dict[str, Build] = {
            f"{program} {value}": build
            for value in values
            for program, build in convolutions([*{**BASE, variable: value}.values()]).items()
        }
        results = contest(points, (), options.rounds, options.steps)
        programs = [p for p in convolutions(()) if f"{p} {values[0]}" in results]
        numbers[variable] = {"values": values, "programs": {}}
        for program in programs:
            seconds = [results[f"{program} {value}"].median for value in values]
            fitted = exponent(values, seconds)
            last, this = (results[f"{name} {values[-1]}"] for name in (programs[-1], program))
            compared = "" if program == programs[-1] else f"{ratio(last, this):.2f}"
            lines.append(
                f"| {variable} | {', '.join(map(str, values))} | {program} "
                f"| {', '.join(f'{s * 1e3:.2f}' for s in seconds)} "
                f"| **{fitted:.2f}** | {EXPECTED[variable]} | {compared} |"
            )
            numbers[variable]["programs"][program] = {
                "seconds": seconds,
                "exponent": fitted,
                "native_by_this": ratio(last, this),
            }
    call = "scaling" + options.more
    report(call, lines, numbers, options.results)
    plot(call, options.results, (8, 3.6), lambda figure: draw(figure, numbers))


def draw(figure: Any, numbers: dict[str, Any]) -> None:
    """One panel per variable, with the expected slope through NumPy's largest value."""
    panels = figure.subplots(1, len(VALUES), sharey=True)
    for axes, variable in zip(panels, VALUES, strict=True):
        values = np.array(numbers[variable]["values"])
        measured = numbers[variable]["programs"]
        slope = EXPECTED[variable]
        largest = measured["minicnn"]["seconds"][-1] * 1e3
        expected = largest * (values / values[-1]) ** slope
        axes.plot(values, expected, "--", color=GREY, label=f"expected: {slope}")
        for program, colour in zip(measured, COLOURS, strict=False):
            milliseconds = np.array(measured[program]["seconds"]) * 1e3
            label = f"{program.split(' ', 1)[-1]}: {measured[program]['exponent']:.2f}"
            axes.plot(values, milliseconds, "o-", color=colour, label=label)
        axes.set(xscale="log", yscale="log", xlabel=variable)
        axes.set_xticks(values, [str(value) for value in values])
        axes.set_xticks([], minor=True)
        axes.legend(
            title="exponent",
            alignment="left",
            loc="lower left",
            bbox_to_anchor=(-0.1, 1),
            fontsize=7,
            handlelength=1.5,
        )
    panels[0].set_ylabel("forward + backward, ms")


if __name__ == "__main__":
    main()

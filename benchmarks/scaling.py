"""How does the time of a convolution grow with batch, image size, channels and kernel size?

    python -m benchmarks.scaling

Forward and backward of conv2d with padding "same" in float32, varying one variable at a time, with
the others as in BASE. The exponent is the slope of a line fitted to log(time) over log(variable).
The expected exponents are those of the number of multiplications: 1 for the batch, 2 for the side
of the image, for the channels (inputs and outputs together) and for the side of the kernel. Parts
that grow more slowly lower the exponent: copying columns (1 for channels), and Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import minicnn as mc

from .contest import Step, interleaved, report
from .options import Parser
from .plots import BLUE, GREY, plot

BASE = {"batch": 32, "image size": 28, "channels": 16, "kernel size": 3}
VALUES = {
    "batch": (8, 16, 32, 64, 128),
    "image size": (14, 20, 28, 40, 56),
    "channels": (8, 16, 32, 64, 128),
    "kernel size": (3, 5, 7, 9),
}
EXPECTED = {"batch": 1, "image size": 2, "channels": 2, "kernel size": 2}


def convolution(batch: int, size: int, channels: int, kernel: int) -> Step:
    """Forward and backward of one convolution, C -> C."""
    rng = np.random.default_rng(0)
    stored = rng.standard_normal((channels, size, size, batch), np.float32)
    x = mc.Tensor(stored.transpose(3, 0, 1, 2), requires_grad=True)  # (N, C, H, W)
    weight = mc.Parameter(rng.standard_normal((channels, channels, kernel, kernel), np.float32))
    grad = np.ones_like(stored).transpose(3, 0, 1, 2)  # (N, C, H, W)

    def step() -> None:
        x.grad = weight.grad = None
        mc.ops.conv2d(x, weight, padding="same").backward(grad)

    return step


def exponent(values: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all points in turns, fit, print the table, save it and draw it."""
    options = Parser(__doc__, rounds=(10, 1), points=(5, 2)).options(arguments)
    lines = ["| variable | values | ms | exponent | expected |", "|---|---|---|---|---|"]
    numbers: dict[str, Any] = {"base": BASE}
    for variable, all_values in VALUES.items():
        values = all_values[: options.points]
        steps = {str(v): convolution(*{**BASE, variable: v}.values()) for v in values}
        results = interleaved(steps, options.rounds, least=0.0 if options.quick else 0.02)
        seconds = [result.median for result in results.values()]
        fitted = exponent(values, seconds)
        milliseconds = ", ".join(f"{s * 1e3:.2f}" for s in seconds)
        lines.append(
            f"| {variable} | {', '.join(map(str, values))} | {milliseconds} "
            f"| **{fitted:.2f}** | {EXPECTED[variable]} |"
        )
        numbers[variable] = {"values": values, "seconds": seconds, "exponent": fitted}
    call = "scaling" + options.more
    report(call, lines, numbers, options.results)
    plot(call, options.results, (8, 3), lambda figure: draw(figure, numbers))


def draw(figure: Any, numbers: dict[str, Any]) -> None:
    """One panel per variable, with the expected slope through the largest value."""
    panels = figure.subplots(1, len(VALUES), sharey=True)
    for axes, variable in zip(panels, VALUES, strict=True):
        values = np.array(numbers[variable]["values"])
        milliseconds = np.array(numbers[variable]["seconds"]) * 1e3
        expected = milliseconds[-1] * (values / values[-1]) ** EXPECTED[variable]
        axes.plot(values, expected, "--", color=GREY, label=f"expected: {EXPECTED[variable]}")
        label = f"measured: {numbers[variable]['exponent']:.2f}"
        axes.plot(values, milliseconds, "o-", color=BLUE, label=label)
        axes.set(xscale="log", yscale="log", xlabel=variable)
        axes.set_xticks(values, [str(value) for value in values])
        axes.set_xticks([], minor=True)
        axes.legend(title="exponent", alignment="left", loc="lower left", bbox_to_anchor=(0, 1))
    panels[0].set_ylabel("forward + backward, ms")


if __name__ == "__main__":
    main()

"""How many microseconds of Python does each operation cost, whatever the size of its tensors?

    python -m benchmarks.overhead

Operations on tensors so small that the computation itself takes almost no time: forward under
no_grad, forward recorded for the backward pass, and backward (from the operation to the gradients
of its inputs), in turns, on minicnn's devices "cpu" and "native". Then one image through a whole
network under no_grad, with a rest before each measurement. TARGETS: milliseconds for LeNet-5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import minicnn as mc
from minicnn import ops

from .contest import REST, Step, interleaved, ratio, report
from .devices import REFERENCE, copy_to, programs
from .options import Parser
from .plots import BLUE, GREEN, ORANGE, plot

LEAST = 0.002  # approximate seconds per measurement
TARGETS = {"minicnn": 0.5, "minicnn native": 0.15}
MODES = {"forward, no_grad": BLUE, "forward, recorded": GREEN, "backward": ORANGE}
NETWORKS = ("lenet5", "alexnet_mnist")

MATRIX, IMAGE, KERNEL = (2, 3), (1, 1, 4, 4), (1, 1, 3, 3)
LABELS = np.array([0, 2])
OPS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "add": (ops.add, (MATRIX, MATRIX)),
    "mul": (ops.mul, (MATRIX, MATRIX)),
    "exp": (ops.exp, (MATRIX,)),
    "relu": (ops.relu, (MATRIX,)),
    "reshape": (lambda x: ops.reshape(x, (3, 2)), (MATRIX,)),
    "sum": (lambda x: ops.sum(x, 1), (MATRIX,)),
    "matmul": (ops.matmul, ((2, 3), (3, 2))),
    "linear": (ops.linear, ((2, 3), (2, 3), (2,))),
    "log_softmax": (lambda x: ops.log_softmax(x, 1), (MATRIX,)),
    "cross_entropy": (lambda x: ops.cross_entropy(x, LABELS), (MATRIX,)),
    "conv2d": (ops.conv2d, (IMAGE, KERNEL, (1,))),
    "max_pool2d": (lambda x: ops.max_pool2d(x, 2), (IMAGE,)),
    "avg_pool2d": (lambda x: ops.avg_pool2d(x, 2), (IMAGE,)),
    "pad2d": (lambda x: ops.pad2d(x, 1), (IMAGE,)),
}


def modes(
    op: Callable[..., Any], shapes: tuple[tuple[int, ...], ...], device: str
) -> Iterator[Step]:
    """The op in the three modes, in the order of MODES."""
    rng = np.random.default_rng(0)
    arrays = [copy_to(device, rng.random(shape, np.float32)) for shape in shapes]
    inputs = [mc.Tensor(array, requires_grad=True) for array in arrays]
    recorded = op(*inputs)
    grad = copy_to(device, np.ones_like(recorded.data))

    def forward() -> None:
        op(*inputs)

    def backward() -> None:
        for x in inputs:
            x.grad = None
        recorded.backward(grad, retain_graph=True)

    yield without_recording(forward)
    yield forward
    yield backward


def inference(network: str, device: str) -> Step:
    """One image through a network."""
    model = getattr(mc.models, network)().to(device).eval()
    pixels = np.random.default_rng(0).random((1, *model.input_shape), np.float32)
    image = mc.Tensor(copy_to(device, pixels))
    return without_recording(lambda: model(image))


def without_recording(step: Step) -> Step:
    """The step under no_grad, entered for every call as in a single prediction."""

    def unrecorded() -> None:
        with mc.no_grad():
            step()

    return unrecorded


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all operations and both networks, print and save the tables, draw a plot."""
    options = Parser(__doc__, rounds=(30, 2)).options(arguments)
    least, devices = 0.0 if options.quick else LEAST, programs()
    lines = [f"| op | program | {', µs | '.join(MODES)}, µs |", "|---" * (2 + len(MODES)) + "|"]
    per_op: dict[str, dict[str, list[float]]] = {program: {} for program in devices}
    for name, (op, shapes) in OPS.items():
        steps = {
            f"{program} {mode}": step
            for program, device in devices.items()
            for mode, step in zip(MODES, modes(op, shapes, device), strict=True)
        }
        results = interleaved(steps, options.rounds, least)
        for program in devices:
            per_op[program][name] = [results[f"{program} {mode}"].median * 1e6 for mode in MODES]
            times = " | ".join(f"{us:.1f}" for us in per_op[program][name])
            lines.append(f"| {name} | {program} | {times} |")
    more_lines, milliseconds = one_image(devices, options.rounds, least)
    lines += more_lines
    numbers = {"microseconds": per_op, "modes": list(MODES), "inference_ms": milliseconds}
    call = "overhead" + options.more
    report(call, lines, numbers, options.results)
    plot(call, options.results, (8, 3.6), lambda figure: draw(figure, per_op))


def one_image(
    devices: dict[str, str], rounds: int, least: float
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """The lines and the milliseconds of one image through each network."""
    lines = [
        *("", "| network | program | one image, ms | native / this (quartiles) | target, ms |"),
        "|---|---|---|---|---|",
    ]
    milliseconds: dict[str, dict[str, float]] = {}
    for network in NETWORKS:
        steps = {program: inference(network, device) for program, device in devices.items()}
        results = interleaved(steps, rounds, 10 * least, REST if least else 0.0)
        milliseconds[network] = {program: result.ms for program, result in results.items()}
        for program, result in results.items():
            is_compared = REFERENCE in results and program != REFERENCE
            compared = f"{ratio(results[REFERENCE], result):.2f}" if is_compared else ""
            target = f"under {TARGETS[program]}" if network == "lenet5" else ""
            lines.append(f"| {network} | {program} | {result.ms:.3f} | {compared} | {target} |")
    return lines, milliseconds


def draw(figure: Any, per_op: dict[str, dict[str, list[float]]]) -> None:
    """One panel per program: a line per operation with a dot for each mode."""
    panels = figure.subplots(1, len(per_op), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (program, measured) in zip(panels, per_op.items(), strict=True):
        places = range(len(measured))
        columns = zip(*measured.values(), strict=True)
        for (mode, colour), microseconds in zip(MODES.items(), columns, strict=True):
            axes.plot(microseconds, places, "o", color=colour, label=mode)
        axes.set_title(program, loc="left")
        axes.set_xlabel("µs per call, on tensors of a few elements")
        axes.grid()
    panels[0].set_yticks(range(len(OPS)), list(OPS))
    panels[0].invert_yaxis()
    panels[0].set_xlim(left=0)
    panels[0].legend()


if __name__ == "__main__":
    main()

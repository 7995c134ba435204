"""How many microseconds of Python does each operation cost, whatever the size of its tensors?

    python -m benchmarks.overhead

Operations on tensors so small that the computation itself takes almost no time: forward under
no_grad, forward recorded for the backward pass, and backward (from the operation to the gradients
of its inputs), in turns. Then one image through a whole network under no_grad; the target for
LeNet-5 is under TARGET milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import minicnn as mc
from minicnn import ops

from .contest import Step, interleaved, report
from .options import Parser
from .plots import BLUE, GREEN, ORANGE, plot

LEAST = 0.002  # approximate seconds per measurement
TARGET = 0.5  # ms
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


def modes(op: Callable[..., Any], shapes: tuple[tuple[int, ...], ...]) -> Iterator[Step]:
    """The op in the three modes, in the order of MODES."""
    rng = np.random.default_rng(0)
    inputs = [mc.Tensor(rng.random(s, np.float32), requires_grad=True) for s in shapes]
    recorded = op(*inputs)
    grad = np.ones_like(recorded.data)

    def forward() -> None:
        op(*inputs)

    def backward() -> None:
        for x in inputs:
            x.grad = None
        recorded.backward(grad, retain_graph=True)

    yield without_recording(forward)
    yield forward
    yield backward


def inference(network: str) -> Step:
    """One image through a network."""
    model = getattr(mc.models, network)().eval()
    image = mc.Tensor(np.random.default_rng(0).random((1, *model.input_shape), np.float32))
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
    least = 0.0 if options.quick else LEAST
    lines = [f"| op | {', µs | '.join(MODES)}, µs |", "|---" * (1 + len(MODES)) + "|"]
    per_op: dict[str, list[float]] = {}
    for name, (op, shapes) in OPS.items():
        steps = dict(zip(MODES, modes(op, shapes), strict=True))
        results = interleaved(steps, options.rounds, least)
        per_op[name] = [result.median * 1e6 for result in results.values()]
        lines.append(f"| {name} | {' | '.join(f'{us:.1f}' for us in per_op[name])} |")
    lines += ["", "| network | one image, ms | target, ms |", "|---|---|---|"]
    networks = interleaved({name: inference(name) for name in NETWORKS}, options.rounds, 10 * least)
    milliseconds = {name: result.ms for name, result in networks.items()}
    for name, ms in milliseconds.items():
        lines.append(f"| {name} | {ms:.3f} | {f'under {TARGET}' if name == 'lenet5' else ''} |")
    numbers = {"microseconds": per_op, "modes": list(MODES), "inference_ms": milliseconds}
    call = "overhead" + options.more
    report(call, lines, numbers, options.results)
    plot(call, options.results, (8, 3.6), lambda figure: draw(figure, per_op))


def draw(figure: Any, per_op: dict[str, list[float]]) -> None:
    """One line per operation with a dot for each mode."""
    axes = figure.subplots()
    places = range(len(per_op))
    columns = zip(*per_op.values(), strict=True)
    for (mode, colour), microseconds in zip(MODES.items(), columns, strict=True):
        axes.plot(microseconds, places, "o", color=colour, label=mode)
    axes.set_yticks(places, list(per_op))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("µs per call, on tensors of a few elements")
    axes.grid()
    axes.legend()


if __name__ == "__main__":
    main()

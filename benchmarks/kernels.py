"""How many times slower than its floor is each kernel, and a whole training step?

    python -m benchmarks.kernels

At the layer sizes of LeNet-5 and the simplified AlexNet, batch 128, float32, on minicnn's devices
"cpu" (``minicnn/backend/vectorised/``) and "native". The floor of a kernel is a contiguous copy,
by one thread, between two existing arrays, which reads and writes as many bytes as the kernel must.
The floor of a convolution and of its two gradients, columns included, is the bare matrix product of
each (``layers.py``); the floor of a training step is all its products, one after another. Kernels
and floor take turns. Where matrices are multiplied they rest before each measurement, so that the
threads of BLAS have stopped looking for work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
from minicnn.backend import kernels_for, vectorised
from minicnn.backend.geometry import make_window
from minicnn.backend.padding import padding_map

from .contest import REST, Step, interleaved, ratio, save
from .devices import PROGRAMS, REFERENCE, copy_to, programs
from .layers import LAYERS, Layer, bare_product, convolution_products, random
from .networks import minicnn_step
from .options import Parser
from .plots import BLUE, GREY, ORANGE, plot

LEAST = 0.01  # approximate seconds per measurement
TARGET = 2  # times the floor of a training step


class Network(NamedTuple):
    """The name of a network in minicnn.models, and its dense layers as (inputs, outputs)."""

    name: str
    dense: tuple[tuple[int, int], ...]


NETWORKS = {
    "LeNet-5": Network("lenet5", ((256, 120), (120, 84), (84, 10))),
    "AlexNet": Network("alexnet_mnist", ((1152, 128), (128, 10))),
}


class Row(NamedTuple):
    """The steps of the programs, and the floor they are compared with."""

    name: str
    network: str
    size: str
    steps: dict[str, Step]
    floor: Step


def kernel_rows(layer: Layer, batch: int, devices: dict[str, str]) -> Iterator[Row]:
    """The kernels around one convolution, each with a copy as its floor."""
    c, o, size, half = layer.channels, layer.outputs, layer.size, layer.kernel // 2
    window = make_window("conv2d", (size, size), layer.kernel)
    x = random(c, size, size, batch)
    sources = padding_map(size, half, half, "zeros")
    columns = vectorised.im2col(x, window)  # (C, KH, KW, OH, OW, N)
    padded = vectorised.pad(x, sources, sources, 0.0)  # (C, .., .., N)
    row = partial(_with_copy, layer.network, devices)
    yield row(x, "im2col", [x], window)
    yield row(x, "col2im", [columns], window)
    yield row(x, "pad", [x], sources, sources, 0.0)
    yield row(x, "pad_adjoint", [padded], sources, sources, (size, size))
    y = random(o, layer.places, layer.places, batch)  # what is pooled, or goes into ReLU
    if layer.is_pooled:
        halves = make_window("max_pool2d", (layer.places, layer.places), 2, 2)
        pooled = vectorised.max_pool(y, halves)  # (O, OH/2, OW/2, N)
        divisor = np.full(halves.output_size, 4, np.float32)
        yield row(y, "max_pool", [y], halves)
        yield row(y, "winner_scatter", [pooled.copy(), y, pooled], halves)
        yield row(y, "avg_pool", [y], halves, divisor)
        yield row(y, "avg_pool_adjoint", [pooled], halves, divisor)
        y = pooled
    yield row(y, "sum_over_neighbour_channels", [y], 2, 2)
    yield row(y, "keep", [y, y > 0.5])


def _with_copy(
    network: str, devices: dict[str, str], image: Any, name: str, read: Sequence[Any], *options: Any
) -> Row:
    """A kernel that reads these arrays; the size listed is that of the image (C, H, W, N)."""
    size = "x".join(map(str, image.shape[:-1]))
    nbytes = sum(array.nbytes for array in read)
    nbytes += getattr(vectorised, name)(*read, *options).nbytes
    steps: dict[str, Step] = {}
    for program, device in devices.items():
        arrays = [copy_to(device, array) for array in read]
        on_device = [
            copy_to(device, option) if isinstance(option, np.ndarray) else option
            for option in options
        ]
        steps[program] = partial(getattr(kernels_for(arrays[0]), name), *arrays, *on_device)
    return Row(name, network, size, steps, _copy(nbytes))


def convolution_rows(layer: Layer, batch: int, devices: dict[str, str]) -> Iterator[Row]:
    """A convolution and its two gradients, each with its matrix product as the floor."""
    steps: dict[str, dict[str, Step]] = {}
    for program, device in devices.items():
        for name, step in _convolution(layer, batch, device).items():
            steps.setdefault(name, {})[program] = step
    shape = f"{layer.channels}x{layer.size}x{layer.size} -> {layer.outputs}"
    for (name, by_program), floor in zip(
        steps.items(), convolution_products(layer, batch), strict=True
    ):
        yield Row(name, layer.network, shape, by_program, floor)


def _convolution(layer: Layer, batch: int, device: str) -> dict[str, Step]:
    """A convolution and its two gradients on a device."""
    c, o, size, places = layer.channels, layer.outputs, layer.size, layer.places
    pixels, grad, kernel = (
        copy_to(device, array)
        for array in (
            random(c, size, size, batch).transpose(3, 0, 1, 2),  # (N, C, H, W)
            random(o, places, places, batch).transpose(3, 0, 1, 2),  # (N, O, OH, OW)
            random(o, c, layer.kernel, layer.kernel),
        )
    )
    x, weight = mc.Tensor(pixels), mc.Tensor(kernel)
    free_x, free_weight = mc.Tensor(pixels, requires_grad=True), mc.Parameter(kernel)
    of_x, of_weight = mc.ops.conv2d(free_x, weight), mc.ops.conv2d(x, free_weight)
    return {
        "conv2d": lambda: mc.ops.conv2d(x, weight),
        "its gradient to weight": lambda: mc.grad(of_weight, free_weight, grad, retain_graph=True),
        "its gradient to x": lambda: mc.grad(of_x, free_x, grad, retain_graph=True),
    }


def step_row(network: str, batch: int, devices: dict[str, str]) -> Row:
    """A whole training step, with all its products as the floor."""
    first, *others = (layer for layer in LAYERS if layer.network == network)
    products = convolution_products(first, batch)[:2]  # the gradient of the images is not needed
    for layer in others:
        products += convolution_products(layer, batch)
    for inputs, outputs in NETWORKS[network].dense:
        x, weight, grad = random(batch, inputs), random(outputs, inputs), random(batch, outputs)
        products += [bare_product(x, weight.T), bare_product(grad.T, x), bare_product(grad, weight)]

    def floor() -> None:
        for multiply in products:
            multiply()

    steps = {
        program: minicnn_step(NETWORKS[network].name, batch, device)
        for program, device in devices.items()
    }
    return Row("training step", network, f"batch {batch}", steps, floor)


def _copy(nbytes: int) -> Step:
    """Read half of the bytes and write the other half."""
    source = np.ones(nbytes // 2, np.uint8)
    target = source.copy()
    return lambda: np.copyto(target, source)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all rows, print the table, save it and draw it."""
    parser = Parser(
        __doc__, rounds=(20, 2), batch_size=(128, 8), layers=(len(LAYERS), 1), networks=(2, 1)
    )
    options = parser.options(arguments)
    rounds, batch, devices = options.rounds, options.batch_size, programs()
    least, rest = (0.0, 0.0) if options.quick else (LEAST, REST)
    table = Table()
    for layer in LAYERS[: options.layers]:
        for row in kernel_rows(layer, batch, devices):
            table.add(row, rounds, least)
    for layer in LAYERS[: options.layers]:
        for row in convolution_rows(layer, batch, devices):
            table.add(row, rounds, least, rest)
    for network in list(NETWORKS)[: options.networks]:
        table.add(step_row(network, batch, devices), rounds, 10 * least, rest)
    text = "\n".join(table.lines)
    print(f"{text}\n\nThe target for a training step is at most {TARGET} times its floor.")
    numbers = {"batch_size": options.batch_size, "rows": table.rows}
    call = "kernels" + options.more
    save(call, text, numbers, options.results)
    plot(call, options.results, (8, 4.6), lambda figure: draw(figure, table.rows))


class Table:
    """The rows measured so far, as numbers and as lines of the table."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lines = [
            "| kernel | network | size | program | ms | floor, ms | times the floor (quartiles) "
            "| native / this (quartiles) |",
            "|---|---|---|---|---|---|---|---|",
        ]

    def add(self, row: Row, rounds: int, least: float, rest: float = 0.0) -> None:
        """Measure the steps and their floor in turns."""
        results = interleaved({**row.steps, "floor": row.floor}, rounds, least, rest)
        floor = results.pop("floor")
        for program, result in results.items():
            times = ratio(result, floor)
            quotient = ratio(results[REFERENCE], result) if REFERENCE in results else None
            compared = f"{quotient:.2f}" if quotient and program != REFERENCE else ""
            self.lines.append(
                f"| {row.name} | {row.network} | {row.size} | {program} | {result.ms:.3f} "
                f"| {floor.ms:.3f} | {times:.2f} | {compared} |"
            )
            self.rows.append(
                {
                    "kernel": row.name,
                    "network": row.network,
                    "size": row.size,
                    "program": program,
                    "seconds": result.median,
                    "floor_seconds": floor.median,
                    "ratio": times,
                    "native_by_this": quotient,
                }
            )


def draw(figure: Any, rows: list[dict[str, Any]]) -> None:
    """One line per kernel with a dot for each size, hollow for the device "native"."""
    names = list(dict.fromkeys(row["kernel"] for row in rows))
    products = [name for name in names if not hasattr(vectorised, name)]
    copies = [name for name in names if hasattr(vectorised, name)]
    both = figure.subplots(2, 1, sharex=True, height_ratios=[len(copies), len(products)])
    colours = {"LeNet-5": BLUE, "AlexNet": ORANGE}
    titles = ("floor: a copy of as many bytes", "floor: the bare matrix products")
    for axes, listed, title in zip(both, (copies, products), titles, strict=True):
        axes.set(xscale="log", ylim=(len(listed) - 0.5, -0.5))
        axes.set_yticks(range(len(listed)), listed)
        axes.set_title(title, loc="left", color=GREY)
        axes.grid(axis="both")
        axes.axvline(1, color=GREY, linewidth=1)
        for network, program in product(colours, PROGRAMS):
            shown = [
                row
                for row in rows
                if (row["network"], row["program"]) == (network, program)
                and row["kernel"] in listed
            ]
            times = [row["ratio"][0] for row in shown]
            shift = 0.15 if program == REFERENCE else -0.15
            places = [listed.index(row["kernel"]) + shift for row in shown]
            face = "none" if program == REFERENCE else colours[network]
            style = {"color": colours[network], "markerfacecolor": face, "alpha": 0.8}
            label = f"{network}, {program.split()[-1]}"
            axes.plot(times, places, "o", **style, label=label)
    low, high = both[1].get_xlim()
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50) if low <= tick <= high]
    both[1].set_xticks(ticks, [str(tick) for tick in ticks])
    both[1].set_xticks([], minor=True)
    both[1].set_xlabel("times the floor")
    figure.legend(*both[0].get_legend_handles_labels(), loc="outside upper right", ncols=4)


if __name__ == "__main__":
    main()

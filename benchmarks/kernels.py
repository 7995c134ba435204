"""How many times slower than its floor is each kernel, and a whole training step?

    python -m benchmarks.kernels

At the layer sizes of LeNet-5 and the simplified AlexNet, batch 128, float32. The floor of a kernel
of ``minicnn/backend/vectorised/`` is a contiguous copy, by one thread, between two existing arrays,
which reads and writes as many bytes as the kernel must. The floor of a convolution and of its two
gradients, columns included, is the bare matrix product of each; the floor of a training step is all
its products, one after another. The product of a convolution is either one BLAS call or one call
per row of the output, whichever is faster here. Kernel and floor take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
from minicnn.backend import vectorised as kernels
from minicnn.backend.geometry import make_window
from minicnn.backend.padding import padding_map

from .contest import REST, Step, interleaved, ratio, save
from .networks import minicnn_step
from .options import Parser
from .plots import BLUE, GREY, ORANGE, plot

LEAST = 0.01  # approximate seconds per measurement
TARGET = 2  # times the floor of a training step


class Layer(NamedTuple):
    """A convolution C -> O with square kernel and images, with or without 2x2 pooling after it."""

    network: str
    channels: int
    outputs: int
    size: int
    kernel: int
    is_pooled: bool = True

    @property
    def places(self) -> int:
        """The number of rows, and of columns, of the output."""
        return self.size - self.kernel + 1


class Network(NamedTuple):
    """The name of a network in minicnn.models, and its dense layers as (inputs, outputs)."""

    name: str
    dense: tuple[tuple[int, int], ...]


LAYERS = (
    Layer("LeNet-5", 1, 6, 28, 5),
    Layer("LeNet-5", 6, 16, 12, 5),
    Layer("AlexNet", 1, 32, 28, 3),
    Layer("AlexNet", 32, 64, 13, 3),
    Layer("AlexNet", 64, 128, 5, 3, is_pooled=False),
)
NETWORKS = {
    "LeNet-5": Network("lenet5", ((256, 120), (120, 84), (84, 10))),
    "AlexNet": Network("alexnet_mnist", ((1152, 128), (128, 10))),
}


class Pair(NamedTuple):
    """A step and the floor it is compared with."""

    name: str
    network: str
    size: str
    step: Step
    floor: Step


def kernel_pairs(layer: Layer, batch: int) -> Iterator[Pair]:
    """The kernels around one convolution, each paired with a copy."""
    c, o, size, half = layer.channels, layer.outputs, layer.size, layer.kernel // 2
    window = make_window("conv2d", (size, size), layer.kernel)
    x = _random(c, size, size, batch)
    sources = padding_map(size, half, half, "zeros")
    columns = kernels.im2col(x, window)  # (C, KH, KW, OH, OW, N)
    padded = kernels.pad(x, sources, sources, 0.0)  # (C, .., .., N)
    pair = partial(_with_copy, layer.network)
    yield pair(x, kernels.im2col, [x], window)
    yield pair(x, kernels.col2im, [columns], window)
    yield pair(x, kernels.pad, [x], sources, sources, 0.0)
    yield pair(x, kernels.pad_adjoint, [padded], sources, sources, (size, size))
    y = _random(o, layer.places, layer.places, batch)  # what is pooled, or goes into ReLU
    if layer.is_pooled:
        halves = make_window("max_pool2d", (layer.places, layer.places), 2, 2)
        pooled = kernels.max_pool(y, halves)  # (O, OH/2, OW/2, N)
        divisor = np.full(halves.output_size, 4, np.float32)
        yield pair(y, kernels.max_pool, [y], halves)
        yield pair(y, kernels.winner_scatter, [pooled.copy(), y, pooled], halves)
        yield pair(y, kernels.avg_pool, [y], halves, divisor)
        yield pair(y, kernels.avg_pool_adjoint, [pooled], halves, divisor)
        y = pooled
    yield pair(y, kernels.sum_over_neighbour_channels, [y], 2, 2)
    yield pair(y, kernels.keep, [y, y > 0.5])


def _with_copy(
    network: str, image: Any, kernel: Callable[..., Any], read: Sequence[Any], *options: Any
) -> Pair:
    """A kernel that reads these arrays; the size listed is that of the image (C, H, W, N)."""
    size = "x".join(map(str, image.shape[:-1]))
    nbytes = sum(array.nbytes for array in read) + kernel(*read, *options).nbytes
    return Pair(kernel.__name__, network, size, lambda: kernel(*read, *options), _copy(nbytes))


def convolution_pairs(layer: Layer, batch: int) -> Iterator[Pair]:
    """A convolution and its two gradients, each paired with its matrix product."""
    c, o, size, places = layer.channels, layer.outputs, layer.size, layer.places
    pixels = _random(c, size, size, batch).transpose(3, 0, 1, 2)  # (N, C, H, W)
    grad = _random(o, places, places, batch).transpose(3, 0, 1, 2)  # (N, O, OH, OW)
    kernel = _random(o, c, layer.kernel, layer.kernel)
    x, weight = mc.Tensor(pixels), mc.Tensor(kernel)
    free_x, free_weight = mc.Tensor(pixels, requires_grad=True), mc.Parameter(kernel)
    of_x, of_weight = mc.ops.conv2d(free_x, weight), mc.ops.conv2d(x, free_weight)
    steps: dict[str, Step] = {
        "conv2d": lambda: mc.ops.conv2d(x, weight),
        "its gradient to weight": lambda: mc.grad(of_weight, free_weight, grad, retain_graph=True),
        "its gradient to x": lambda: mc.grad(of_x, free_x, grad, retain_graph=True),
    }
    shape = f"{c}x{size}x{size} -> {o}"
    for (name, step), product in zip(
        steps.items(), _convolution_products(layer, batch), strict=True
    ):
        yield Pair(name, layer.network, shape, step, product)


def step_pair(network: str, batch: int) -> Pair:
    """A whole training step, paired with all its products."""
    first, *others = (layer for layer in LAYERS if layer.network == network)
    products = _convolution_products(first, batch)[:2]  # the gradient of the images is not needed
    for layer in others:
        products += _convolution_products(layer, batch)
    for inputs, outputs in NETWORKS[network].dense:
        x, weight, grad = _random(batch, inputs), _random(outputs, inputs), _random(batch, outputs)
        products += [_product(x, weight.T), _product(grad.T, x), _product(grad, weight)]

    def floor() -> None:
        for product in products:
            product()

    step = minicnn_step(NETWORKS[network].name, batch)
    return Pair("training step", network, f"batch {batch}", step, floor)


def _convolution_products(layer: Layer, batch: int) -> list[Step]:
    """The products of the convolution, its gradient to the weight, and its gradient to x."""
    o, taps, rows = layer.outputs, layer.channels * layer.kernel**2, layer.places
    weight, columns = _random(o, taps), _random(taps, rows * rows * batch)
    grad = _random(o, rows * rows * batch)
    a = columns.reshape(taps, rows, -1).swapaxes(0, 1)  # (OH, C·KH·KW, OW·N)
    b = grad.reshape(o, rows, -1).swapaxes(0, 1)  # (OH, O, OW·N)
    return [
        _faster(_product(weight, columns), _product(weight, a)),
        _faster(_product(columns, grad.T), lambda: (a @ b.swapaxes(1, 2)).sum(0)),
        _faster(_product(weight.T, grad), _product(weight.T, b)),
    ]


def _product(a: Any, b: Any) -> Step:
    result = a @ b
    return lambda: np.matmul(a, b, out=result)


def _faster(one: Step, other: Step) -> Step:
    results = interleaved({"one": one, "other": other}, rounds=3, least=LEAST)
    return one if results["one"].median < results["other"].median else other


def _copy(nbytes: int) -> Step:
    """Read half of the bytes and write the other half."""
    source = np.ones(nbytes // 2, np.uint8)
    target = source.copy()
    return lambda: np.copyto(target, source)


def _random(*shape: int) -> Any:
    return np.random.default_rng(0).random(shape, np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all pairs, print the table, save it and draw it."""
    parser = Parser(
        __doc__, rounds=(20, 2), batch_size=(128, 8), layers=(len(LAYERS), 1), networks=(2, 1)
    )
    options = parser.options(arguments)
    least = 0.0 if options.quick else LEAST
    table = Table()
    for layer in LAYERS[: options.layers]:
        for pair in kernel_pairs(layer, options.batch_size):
            table.add(pair, options.rounds, least)
    time.sleep(0 if options.quick else REST)
    for layer in LAYERS[: options.layers]:
        for pair in convolution_pairs(layer, options.batch_size):
            table.add(pair, options.rounds, least)
    for network in list(NETWORKS)[: options.networks]:
        table.add(step_pair(network, options.batch_size), options.rounds, 10 * least)
    text = "\n".join(table.lines)
    print(f"{text}\n\nThe target for a training step is at most {TARGET} times its floor.")
    numbers = {"batch_size": options.batch_size, "rows": table.rows}
    call = "kernels" + options.more
    save(call, text, numbers, options.results)
    plot(call, options.results, (8, 4.2), lambda figure: draw(figure, table.rows))


class Table:
    """The rows measured so far, as numbers and as lines of the table."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lines = [
            "| kernel | network | size | ms | floor, ms | times the floor (quartiles) |",
            "|---|---|---|---|---|---|",
        ]

    def add(self, pair: Pair, rounds: int, least: float) -> None:
        """Measure a step and its floor in turns."""
        results = interleaved({"step": pair.step, "floor": pair.floor}, rounds, least)
        step, floor = results["step"], results["floor"]
        times = ratio(step, floor)
        self.lines.append(
            f"| {pair.name} | {pair.network} | {pair.size} | {step.ms:.3f} "
            f"| {floor.ms:.3f} | {times:.2f} |"
        )
        self.rows.append(
            {
                "kernel": pair.name,
                "network": pair.network,
                "size": pair.size,
                "seconds": step.median,
                "floor_seconds": floor.median,
                "ratio": times,
            }
        )


def draw(figure: Any, rows: list[dict[str, Any]]) -> None:
    """One line per kernel with a dot for each size."""
    names = list(dict.fromkeys(row["kernel"] for row in rows))
    products = [name for name in names if not hasattr(kernels, name)]
    copies = [name for name in names if hasattr(kernels, name)]
    both = figure.subplots(2, 1, sharex=True, height_ratios=[len(copies), len(products)])
    colours = {"LeNet-5": BLUE, "AlexNet": ORANGE}
    titles = ("floor: a copy of as many bytes", "floor: the bare matrix products")
    for axes, listed, title in zip(both, (copies, products), titles, strict=True):
        axes.set(xscale="log", ylim=(len(listed) - 0.5, -0.5))
        axes.set_yticks(range(len(listed)), listed)
        axes.set_title(title, loc="left", color=GREY)
        axes.grid(axis="both")
        axes.axvline(1, color=GREY, linewidth=1)
        for network, colour in colours.items():
            shown = [r for r in rows if r["network"] == network and r["kernel"] in listed]
            times = [row["ratio"][0] for row in shown]
            places = [listed.index(row["kernel"]) for row in shown]
            axes.plot(times, places, "o", color=colour, alpha=0.8, label=network)
    low, high = both[1].get_xlim()
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50) if low <= tick <= high]
    both[1].set_xticks(ticks, [str(tick) for tick in ticks])
    both[1].set_xticks([], minor=True)
    both[1].set_xlabel("times the floor")
    both[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


if __name__ == "__main__":
    main()

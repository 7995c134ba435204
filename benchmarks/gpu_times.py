"""Where does the time go on a GPU, and which way of computing is faster there?

    python -m benchmarks.gpu_times

For the training steps of both networks, in minicnn and in PyTorch: what Python takes to queue a
step (host), what passes from step to step (wall), and what the GPU takes by itself (gpu, see
``gpu.py``). For kernels the same, and bytes per second beside those of a copy. Then the
choices that were made without a GPU: convolutions by their own kernels or by columns and cuBLAS
(``backend/cuda/cublas.py``), products of groups with a transposed operand, bands of columns of
several sizes, the softmax that gives a thread a whole row, and sums over two axes of images.
float32; rows appear as they are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minicnn.backend import array_module, kernels_for, to_device
from minicnn.backend.cuda import convolution, cublas
from minicnn.backend.cuda.columns import col2im, im2col
from minicnn.backend.geometry import make_window
from minicnn.backend.padding import padding_map
from minicnn.backend.vectorised.convolution import ColumnConvolution

from .contest import Step, save
from .gpu import add_device, chosen_device, device_name, gpu_times, torch_step_on
from .networks import NETWORKS, QUICK, minicnn_step
from .options import Parser

WHOLE, GIB = 1 << 62, 1 << 30
SIZES = ((1, 28, 5, 6), (6, 12, 5, 16), (64, 56, 3, 64))  # channels, size, kernel, outputs


class Work(NamedTuple):
    """A step, the bytes it must read and write, and its floating-point operations."""

    name: str
    size: str
    step: Step
    nbytes: int = 0
    flops: int = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Time everything, print each row at once, and save the table."""
    parser = Parser(__doc__, rounds=(3, 1), batch_size=(128, 2), sizes=(len(SIZES), 1))
    add_device(parser)
    options = parser.options(arguments)
    device = chosen_device(options)
    lines = [
        "| what | size | host, µs | wall, µs | GPU time, µs | GB/s | TFLOP/s |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    rows = []
    for work in works(device, options):
        times = gpu_times(work.step, device, options.rounds)
        host, wall, on_gpu = [f"{seconds * 1e6:.1f}" for seconds in times]
        bandwidth = f"{work.nbytes / times.gpu / 1e9:.0f}" if work.nbytes else ""
        rate = f"{work.flops / times.gpu / 1e12:.2f}" if work.flops else ""
        what = f"{work.name} | {work.size}"
        lines.append(f"| {what} | {host} | {wall} | {on_gpu} | {bandwidth} | {rate} |")
        print(lines[-1], flush=True)
        rows.append({"what": work.name, "size": work.size, **times._asdict()})
    lines += ["", f"The device: {device_name(device)}."]
    print("\n".join(lines[-2:]))
    numbers = {"device": device_name(device), "rows": rows}
    save(f"gpu_times{options.more}", "\n".join(lines), numbers, options.results)


def works(device: str, options: Any) -> Iterator[Work]:
    """Everything that is timed, each made when its turn comes, so that its memory is freed."""
    batch, sizes = options.batch_size, SIZES[: options.sizes]
    for size in (batch,) if options.quick else (batch // 4, batch, 8 * batch):
        for network in QUICK if options.quick else NETWORKS:
            yield from training_steps(device, network, size)
    for channels, side, kernel, _ in sizes:
        yield from image_kernels(device, channels, side, kernel, batch)
    for classes in (10, 1000):
        yield from softmaxes(device, 2 * batch, classes)
    yield from sums(device, *((3, 5) if options.quick else (64, 56)), batch)
    for size in sizes:
        yield from convolutions(device, *size, batch)
    shapes = [(2, 3, 4, 8)] if options.quick else [(2, 1200, 128, 93312), (32, 36, 4, 100352)]
    for shape in shapes:
        yield from group_products(device, *shape)
    yield from bands(device, *(sizes[0] if options.quick else SIZES[-1]), batch)


def training_steps(device: str, network: str, batch: int) -> Iterator[Work]:
    """Whole steps, also in PyTorch without TF32 where it sees the GPU."""
    yield Work(f"{network}, step", f"batch {batch}", minicnn_step(network, batch, device))
    rival = torch_step_on(device, network, batch)
    if rival is not None:
        yield Work(f"{network}, step of PyTorch", f"batch {batch}", rival)


def image_kernels(device: str, c: int, side: int, kernel: int, batch: int) -> Iterator[Work]:
    """The kernels around a convolution and a pooling, next to a copy of the image."""
    x = _random(device, c, side, side, batch)
    run, size = kernels_for(x), f"{c}x{side}x{side}x{batch}"
    window, halves = make_window("", (side, side), kernel), make_window("", (side, side), 2, 2)
    rows = padding_map(side, kernel // 2, kernel // 2, "zeros")
    columns, padded = run.im2col(x, window), run.pad(x, rows, rows, 0.0)
    y, mask = run.max_pool(x, halves), x > 0.5
    n = x.nbytes
    yield Work("copy", size, lambda: x.copy(), 2 * n)
    yield Work("im2col", size, lambda: run.im2col(x, window), n + columns.nbytes)
    yield Work("col2im", size, lambda: run.col2im(columns, window), n + columns.nbytes)
    yield Work("pad", size, lambda: run.pad(x, rows, rows, 0.0), n + padded.nbytes)
    adjoint = lambda: run.pad_adjoint(padded, rows, rows, (side, side))  # noqa: E731
    yield Work("pad_adjoint", size, adjoint, n + padded.nbytes)
    yield Work("max_pool", size, lambda: run.max_pool(x, halves), n + y.nbytes)
    scatter = lambda: run.winner_scatter(y, x, y, halves)  # noqa: E731
    yield Work("winner_scatter", size, scatter, 2 * n + 2 * y.nbytes)
    yield Work("keep", size, lambda: run.keep(x, mask), 2 * n + mask.nbytes)
    yield Work("sum_per_channel", size, lambda: run.sum_per_channel(x), n)
    neighbours = lambda: run.sum_over_neighbour_channels(x, 2, 2)  # noqa: E731
    yield Work("sum_over_neighbour_channels", size, neighbours, 2 * n)


def softmaxes(device: str, batch: int, classes: int) -> Iterator[Work]:
    """The kernel, in which a thread goes over a row three times, and array operations."""
    x = _random(device, classes, batch).T  # (N, classes), batch-last
    xp, run, size = array_module(x), kernels_for(x), f"{batch}x{classes}"

    def by_array() -> Any:
        e = xp.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    yield Work("softmax", size, lambda: run.softmax(x, 1), 2 * x.nbytes)
    yield Work("log_softmax", size, lambda: run.log_softmax(x, 1), 2 * x.nbytes)
    yield Work("softmax by array operations", size, by_array, 2 * x.nbytes)


def sums(device: str, c: int, side: int, batch: int) -> Iterator[Work]:
    """Sums of batch-last images over pixels (global average pooling) and over all but channels."""
    x = _random(device, c, side, side, batch)
    images, size, n = x.transpose(3, 0, 1, 2), f"{c}x{side}x{side}x{batch}", x.nbytes
    yield Work("sum over (2, 3) of (N, C, H, W)", size, lambda: images.sum((2, 3)), n)
    yield Work("sum over (0, 2, 3)", size, lambda: images.sum((0, 2, 3)), n)
    mean = lambda: images.mean((0, 2, 3), dtype=np.float64)  # noqa: E731
    yield Work("mean over (0, 2, 3) in float64", size, mean, n)
    flat = lambda: x.reshape(c, side * side, batch).sum(1)  # noqa: E731
    yield Work("sum over (2, 3), reshaped first", size, flat, n)


def convolutions(
    device: str, c: int, side: int, kernel: int, outputs: int, batch: int
) -> Iterator[Work]:
    """A convolution and its gradients, by ``convolution.cu`` and by columns and cuBLAS."""
    window = make_window("", (side, side), kernel)
    x, weight = _random(device, c, side, side, batch), _random(device, outputs, c, kernel, kernel)
    grad = _random(device, outputs, *window.output_size, batch)
    flops = 2 * outputs * c * kernel**2 * window.output_size[0] ** 2 * batch
    size = f"{c}x{side}x{side}x{batch} -> {outputs}"
    ways: dict[str, Any] = {"kernels": convolution, "columns": cublas.by_columns}
    for name, run in ways.items():
        calls: dict[str, Step] = {
            "convolve": partial(run.convolve, x, weight, None, window, 1),
            "input gradient": partial(run.convolve_input_gradient, grad, weight, window, 1),
            "weight gradient": partial(run.convolve_weight_gradient, x, grad, window, 1),
        }
        with by_kernels():
            for what, call in calls.items():
                yield Work(f"{what}, {name}", size, call, flops=flops)


@contextmanager
def by_kernels() -> Iterator[None]:
    """``convolution.py`` computes by its own kernels inside, however large the product is."""
    before, cublas.SMALL = cublas.SMALL, WHOLE
    try:
        yield
    finally:
        cublas.SMALL = before


def group_products(device: str, groups: int, p: int, q: int, length: int) -> Iterator[Work]:
    """a (G, P, L) times b (G, Q, L) transposed, as in the weight gradient of a grouped conv2d."""
    a, b = _random(device, groups, p, length), _random(device, groups, q, length)
    xp, size, flops = array_module(a), f"{groups}x{p}x{q}x{length}", 2 * groups * p * q * length
    view = b.swapaxes(1, 2)  # (G, L, Q)
    yield Work("groups, b as a view", size, lambda: a @ view, flops=flops)
    copied = lambda: a @ xp.ascontiguousarray(view)  # noqa: E731
    yield Work("groups, b copied", size, copied, flops=flops)
    each = lambda: [a[g] @ b[g].T for g in range(groups)]  # noqa: E731
    yield Work("groups, one product each", size, each, flops=flops)


def bands(device: str, c: int, side: int, kernel: int, outputs: int, batch: int) -> Iterator[Work]:
    """A convolution whose columns are made 1 GiB at a time, and in smaller bands."""
    window = make_window("", (side, side), kernel)
    x, weight = _random(device, c, side, side, batch), _random(device, outputs, c, kernel, kernel)
    flops = 2 * outputs * c * kernel**2 * window.output_size[0] ** 2 * batch
    size = f"{c}x{side}x{side}x{batch} -> {outputs}"
    for mib in (1024, 256, 64, 32, 16):
        convolution = ColumnConvolution(im2col, col2im, mib << 20, 1, WHOLE)
        step = lambda run=convolution: run.convolve(x, weight, None, window, 1)  # noqa: E731
        yield Work(f"convolve, bands of {mib} MiB", size, step, flops=flops)


def _random(device: str, *shape: int) -> Any:
    return to_device(np.random.default_rng(0).random(shape, np.float32), device)


if __name__ == "__main__":
    main()

"""From which batch size is a GPU faster, and how close does each kernel come to its limit?

    python -m benchmarks.cpu_vs_gpu

Each kernel and each network's training step on the CPU and on the GPU, in float32, for batch sizes
1 to 4096, after a warm-up; and the same step in PyTorch on that GPU without TF32, if PyTorch is
installed. A kernel has two times on the GPU: the GPU time, from CUDA events around calls
that wait in its queue, and the wall time of calls in a row, which for a short kernel is the time
that Python and the launch take (``gpu.py``). The time of a training step is wall time, with
waiting for the GPU, since a program cannot have less.

The limit of a kernel is the time in which the GPU copies as many bytes as the kernel must read and
write; the limit of a convolution is the time that a large matrix product takes for as many
multiplications. Both are measured in the same run, in GPU time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
from minicnn.backend import kernels_for, to_device
from minicnn.backend.geometry import make_window
from minicnn.backend.padding import padding_map

from .contest import Result, Step, interleaved, ratio, save
from .gpu import add_device, chosen_device, device_name, gpu_times, torch_step_on, wait
from .layers import LAYERS, Layer
from .networks import NETWORKS, QUICK, minicnn_step
from .options import Parser
from .plots import BLUE, GREY, ORANGE, plot

BATCHES = (1, 4, 16, 64, 128, 256, 1024, 4096)
KERNEL_BATCHES = (1, 16, 128, 1024, 4096)
LEAST = 0.02  # approximate seconds per measurement
MOST = 0.3  # seconds for all rounds of a kernel on the CPU; a longer one is measured once
REPEATS = 20  # steps on a GPU before waiting for it
NETWORK_COLUMNS = (
    *("training step", "batch", "CPU, wall time, ms", "GPU, wall time, ms", "CPU / GPU"),
    *("PyTorch on the GPU, wall time, ms", "minicnn / PyTorch (quartiles)"),
)
KERNEL_COLUMNS = (
    *("kernel", "network", "size", "batch", "CPU, ms", "GPU time, ms", "GPU, wall time, ms"),
    *("CPU / GPU time", "limit / GPU time"),
)


class Work(NamedTuple):
    """One kernel at one size: a step on each device, the bytes it moves, its operations."""

    name: str
    size: str
    on: Callable[[str], Step]
    nbytes: int
    flops: int = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Time kernels and networks, print their tables and save them."""
    parser = Parser(__doc__, rounds=(7, 2), batches=(len(BATCHES), 1), layers=(len(LAYERS), 1))
    add_device(parser)
    options = parser.options(arguments)
    gpu = chosen_device(options)
    limits = _limits(gpu, options.rounds, options.quick)
    table = [
        f"Limits of {device_name(gpu)}: it copies {limits[0] / 1e9:,.0f} GB/s (read and written) "
        f"and multiplies matrices at {limits[1] / 1e12:,.1f} TFLOP/s.",
        "",
    ]
    print("\n".join(table))
    kernels, networks = _time_kernels(gpu, limits, options), _time_networks(gpu, options)
    kernel_rows = _print_rows(table, KERNEL_COLUMNS, kernels, _kernel_cells)
    network_rows = _print_rows(table, NETWORK_COLUMNS, networks, _network_cells)
    numbers = {"gpu": device_name(gpu), "kernels": kernel_rows, "steps": network_rows}
    call = f"cpu_vs_gpu{options.more}"
    save(call, "\n".join(table), numbers, options.results)
    plot(call, options.results, (8, 3.2), lambda figure: _draw(figure, network_rows))


def _waiting(step: Step, device: str) -> Step:
    """The step; on a GPU, REPEATS steps and then waiting for them."""
    if not device.startswith("cuda"):
        return step

    def steps() -> None:
        for _ in range(REPEATS):
            step()
        wait(device)

    return steps


def _seconds(result: Result, device: str) -> Result:
    """The time of one step."""
    times = REPEATS if device.startswith("cuda") else 1
    return Result([[seconds / times for seconds in block] for block in result.rounds])


def _limits(gpu: str, rounds: int, quick: bool) -> tuple[float, float]:
    """Bytes that the device copies per second, and operations per second of a large product."""
    n, side = (1 << 12, 64) if quick else (1 << 26, 4096)
    x = to_device(np.ones(n, np.float32), gpu)
    a = to_device(np.ones((side, side), np.float32), gpu)
    copy, product = (gpu_times(step, gpu, rounds).gpu for step in (x.copy, lambda: a @ a))
    return 2 * x.nbytes / copy, 2 * side**3 / product


def _time_kernels(gpu: str, limits: tuple[float, float], options: Any) -> Iterator[dict[str, Any]]:
    bandwidth, rate = limits
    for layer in LAYERS[: options.layers]:
        for batch in KERNEL_BATCHES[: options.batches]:
            for work in _kernels(layer, batch):
                times = gpu_times(work.on(gpu), gpu, options.rounds)
                yield {
                    "kernel": work.name, "network": layer.network, "size": work.size,
                    "batch": batch, "cpu": _cpu_seconds(work.on("cpu"), options),
                    "gpu": times.gpu, "gpu_wall": times.wall,
                    "limit": max(work.nbytes / bandwidth, work.flops / rate),
                }  # fmt: skip


def _cpu_seconds(step: Step, options: Any) -> float:
    """The median over the rounds; over fewer of them if the step takes long."""
    once = interleaved({"step": step}, rounds=1)["step"].median
    rounds = min(options.rounds, int(MOST / once))
    if rounds < 2:
        return once
    least = 0.0 if options.quick or once > LEAST else LEAST
    return interleaved({"step": step}, rounds, least)["step"].median


def _kernels(layer: Layer, batch: int) -> Iterator[Work]:
    """The kernels around one convolution."""
    c, o, size, half = layer.channels, layer.outputs, layer.size, layer.kernel // 2
    window, sources = (
        make_window("conv2d", (size, size), layer.kernel),
        padding_map(size, half, half, "zeros"),
    )
    x = _random(c, size, size, batch)
    columns = _random(c, *window.kernel_size, *window.output_size, batch)
    yield _work("im2col", [x], columns.nbytes, window)
    yield _work("col2im", [columns], x.nbytes, window)
    yield _work("pad", [x], x.nbytes, sources, sources, 0.0)
    y = _random(o, layer.places, layer.places, batch)
    if layer.is_pooled:
        halves = make_window("max_pool2d", (layer.places, layer.places), 2, 2)
        pooled = kernels_for(y).max_pool(y, halves)
        yield _work("max_pool", [y], pooled.nbytes, halves)
        yield _work("winner_scatter", [pooled.copy(), y, pooled], y.nbytes, halves)
    yield _work("sum_over_neighbour_channels", [y], y.nbytes, 2, 2)
    yield _work("sum_per_channel", [y], 0)
    yield _work("keep", [y, y > 0.5], y.nbytes)
    yield _convolution(layer, batch)


def _work(name: str, read: list[Any], written: int, *options: Any) -> Work:
    """A kernel that reads these arrays (C, H, W, N)."""

    def on(device: str) -> Step:
        arrays = [to_device(array, device) for array in read]
        kernel = getattr(kernels_for(arrays[0]), name)
        return lambda: kernel(*arrays, *options)

    size = "x".join(map(str, read[0].shape[:-1]))
    return Work(name, size, on, sum(array.nbytes for array in read) + written)


def _convolution(layer: Layer, batch: int) -> Work:
    """A convolution with its two gradients."""
    c, o, size, places = layer.channels, layer.outputs, layer.size, layer.places
    pixels, kernel = _random(c, size, size, batch), _random(o, c, layer.kernel, layer.kernel)
    grad = _random(o, places, places, batch).transpose(3, 0, 1, 2)  # (N, O, OH, OW)

    def on(device: str) -> Step:
        x = mc.Tensor(pixels.transpose(3, 0, 1, 2)).to(device).detach()
        weight, v = mc.Tensor(kernel).to(device).detach(), mc.Tensor(grad).to(device)
        x.requires_grad = weight.requires_grad = True
        return lambda: mc.grad(mc.ops.conv2d(x, weight), [x, weight], v)

    multiplications = o * c * layer.kernel**2 * places**2 * batch
    shape = f"{c}x{size}x{size} -> {o}"
    return Work("conv2d and gradients", shape, on, 3 * pixels.nbytes, 3 * 2 * multiplications)


def _random(*shape: int) -> Any:
    return np.random.default_rng(0).random(shape, np.float32)


def _time_networks(gpu: str, options: Any) -> Iterator[dict[str, Any]]:
    for network in QUICK if options.quick else NETWORKS:
        for batch in BATCHES[: options.batches]:
            steps = {d: _waiting(minicnn_step(network, batch, d), d) for d in ("cpu", gpu)}
            rival = torch_step_on(gpu, network, batch)
            steps |= {} if rival is None else {"PyTorch": _waiting(rival, gpu)}
            found = interleaved(steps, options.rounds)
            times = {k: r if k == "cpu" else _seconds(r, gpu) for k, r in found.items()}
            row = {"network": network, "batch": batch}
            row |= {name: result.median for name, result in times.items()}
            row["gpu"] = row.pop(gpu)
            if rival is not None:
                row["ratio"] = ratio(times[gpu], times["PyTorch"])
            yield row


def _print_rows(
    table: list[str],
    columns: tuple[str, ...],
    rows: Iterator[dict[str, Any]],
    cells: Callable[[dict[str, Any]], list[str]],
) -> list[dict[str, Any]]:
    """Print each row as soon as it is measured, and add the lines to the table."""
    measured = []
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    print("\n".join(lines))
    for row in rows:
        measured.append(row)
        lines.append(f"| {' | '.join(cells(row))} |")
        print(lines[-1], flush=True)
    print()
    table += [*lines, ""]
    return measured


def _kernel_cells(r: dict[str, Any]) -> list[str]:
    numbers = [f"{r[name] * 1e3:.4f}" for name in ("cpu", "gpu", "gpu_wall")]
    ratios = [f"**{r['cpu'] / r['gpu']:.2f}**", f"{r['limit'] / r['gpu']:.0%}"]
    return [r["kernel"], r["network"], r["size"], str(r["batch"]), *numbers, *ratios]


def _network_cells(r: dict[str, Any]) -> list[str]:
    rival = [f"{r['PyTorch'] * 1e3:.3f}", f"{r['ratio']:.2f}"] if "ratio" in r else ["", ""]
    times = [f"{r[name] * 1e3:.3f}" for name in ("cpu", "gpu")]
    return [r["network"], str(r["batch"]), *times, f"**{r['cpu'] / r['gpu']:.2f}**", *rival]


def _draw(figure: Any, rows: list[dict[str, Any]]) -> None:
    """Microseconds per image over the batch size; the GPU is faster from where the lines cross."""
    for axes, network in zip(figure.subplots(1, 2, sharey=True), NETWORKS, strict=True):
        mine = [r for r in rows if r["network"] == network]
        for name, colour in {"cpu": BLUE, "gpu": ORANGE, "PyTorch": GREY}.items():
            points = [(r["batch"], r[name] / r["batch"] * 1e6) for r in mine if name in r]
            label = {"cpu": "minicnn, CPU", "gpu": "minicnn, GPU"}.get(name, "PyTorch, GPU")
            if points:
                axes.loglog(*zip(*points, strict=True), "o-", color=colour, label=label)
        axes.set(title=f"{network}: one training step", xlabel="batch size")
        axes.grid(True)
    figure.axes[0].set_ylabel("µs per image")
    figure.axes[0].legend()


if __name__ == "__main__":
    main()

"""How close do convolutions on the device native come to the processor's peak?

    python -m benchmarks.convolutions

The convolutions of LeNet-5 and the simplified AlexNet with batch 128, and three of the sizes in
ResNet with batch 16, in float32: forward, the gradient to the images, and the gradient to the
weight. A GFLOP/s is 10^9 multiplications or additions in a second; those with padding, which some
programs compute and others leave out, are not counted for any of them.

The peak is that of a loop of multiplications and additions in registers on all cores (``peak.py``).
The product is the bare matrix product of NumPy's BLAS with ready-made columns (``layers.py``).
PyTorch runs in its default memory format and in channels_last. All have one thread per core, and
the memory order that suits them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Build, Result, Step, contest, ratio, save
from .devices import compiled, copy_to
from .layers import LAYERS, Layer, convolution_products, random
from .networks import cores
from .options import Parser
from .peak import peak_flops
from .plots import BLUE, GREEN, GREY, ORANGE, plot

WORKS = (
    *((layer, 128) for layer in LAYERS),
    (Layer("ResNet", 64, 64, 56, 3, is_pooled=False, padding=1), 16),
    (Layer("ResNet", 128, 128, 28, 3, is_pooled=False, padding=1), 16),
    (Layer("ResNet", 256, 256, 14, 3, is_pooled=False, padding=1), 16),
)
FORWARD, INPUT, WEIGHT = DIRECTIONS = ("forward", "to the images", "to the weight")


def minicnn_convolution(layer: Layer, batch: int, direction: str, device: str = "cpu") -> Step:
    """The kernel of minicnn."""
    from minicnn.backend import kernels_for
    from minicnn.backend.geometry import make_window

    x, weight, grad = (copy_to(device, array) for array in _arrays(layer, batch))
    kernels, size = kernels_for(x), (layer.size, layer.size)
    window = make_window("conv2d", size, layer.kernel, padding=layer.padding)
    if direction == FORWARD:
        return lambda: kernels.convolve(x, weight, None, window, 1)
    if direction == INPUT:
        return lambda: kernels.convolve_input_gradient(grad, weight, window, 1)
    return lambda: kernels.convolve_weight_gradient(x, grad, window, 1)


def native_convolution(layer: Layer, batch: int, direction: str) -> Step:
    """The kernel of the device "native"."""
    return minicnn_convolution(layer, batch, direction, compiled())


def product(layer: Layer, batch: int, direction: str) -> Step:
    """The bare matrix product."""
    return convolution_products(layer, batch)[(FORWARD, WEIGHT, INPUT).index(direction)]


def torch_convolution(
    layer: Layer, batch: int, direction: str, channels_last: bool = False
) -> Step:
    """The operation of PyTorch, in its default memory format or in channels_last."""
    import torch

    torch.set_num_threads(cores())
    memory = torch.channels_last if channels_last else torch.contiguous_format
    images, kernel, grads = _arrays(layer, batch)
    x, weight, grad = (
        torch.tensor(np.ascontiguousarray(array)).contiguous(memory_format=memory)
        for array in (images.transpose(3, 0, 1, 2), kernel, grads.transpose(3, 0, 1, 2))
    )
    padding, results = [layer.padding] * 2, [direction == INPUT, direction == WEIGHT, False]
    if direction == FORWARD:
        return lambda: torch.nn.functional.conv2d(x, weight, padding=padding)
    one, none = [1, 1], [0, 0]  # stride and dilation; output padding
    backward = torch.ops.aten.convolution_backward
    return lambda: backward(grad, x, weight, None, one, padding, one, False, none, 1, results)


def channels_last_convolution(layer: Layer, batch: int, direction: str) -> Step:
    """The operation of PyTorch in channels_last."""
    return torch_convolution(layer, batch, direction, channels_last=True)


def _arrays(layer: Layer, batch: int) -> tuple[Any, Any, Any]:
    """Images (C, H, W, N), weight (O, C, K, K), gradient (O, OH, OW, N)."""
    c, o, size, places = layer.channels, layer.outputs, layer.size, layer.places
    weight = random(o, c, layer.kernel, layer.kernel)
    return random(c, size, size, batch), weight, random(o, places, places, batch)


CONTESTANTS: dict[str, Build] = {
    "minicnn native": native_convolution,
    "minicnn": minicnn_convolution,
    "product": product,
    "PyTorch": torch_convolution,
    "PyTorch channels_last": channels_last_convolution,
}
COLOURS = dict(zip(CONTESTANTS, (BLUE, GREY, "black", ORANGE, GREEN), strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the peak, run the contests, print the tables, save them and draw a plot."""
    parser = Parser(__doc__, rounds=(7, 2), steps=(10, 1), works=(len(WORKS), 1))
    options = parser.options(arguments)
    try:
        compiled()
    except ImportError as error:
        print(f"skipped: {error}")
        return
    peaks = {n: peak_flops(n, rounds=1 if options.quick else 10) for n in sorted({1, cores()})}
    lines = ["| threads | peak, GFLOP/s |", "|---|---|"]
    lines += [f"| {threads} | {peak / 1e9:.1f} |" for threads, peak in peaks.items()]
    columns = (
        *("convolution", "batch", "direction"),
        *(f"{name}, GFLOP/s" for name in CONTESTANTS),
        *("native: share of the peak", "native / the faster PyTorch (quartiles)"),
    )
    lines += ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    print("\n".join(lines), flush=True)
    rows: list[dict[str, Any]] = []
    for layer, batch in WORKS[: options.works]:
        for direction in DIRECTIONS:
            work = (layer, 2 if options.quick else batch, direction)
            results = contest(CONTESTANTS, work, options.rounds, options.steps)
            line, row = measured(*work, results, peaks[cores()])
            print(line, flush=True)
            lines.append(line)
            rows.append(row)
    call = "convolutions" + options.more
    numbers = {"peak_flops": peaks, "rows": rows}
    save(call, "\n".join(lines), numbers, options.results)
    plot(call, options.results, (8, 7), lambda figure: draw(figure, rows, peaks[cores()]))


def measured(
    layer: Layer, batch: int, direction: str, results: dict[str, Result], peak: float
) -> tuple[str, dict[str, Any]]:
    """The line of the table and the numbers of one contest."""
    operations = 2 * layer.multiply_adds * batch
    flops = {name: operations / result.median for name, result in results.items()}
    native = results["minicnn native"]
    by_this = {name: ratio(native, result) for name, result in results.items()}
    rivals = [by_this[name] for name in results if name.startswith("PyTorch")]
    work = f"{layer.network} {layer.channels}x{layer.size}x{layer.size} -> {layer.outputs}"
    cells = (
        *(f"{work}, {layer.kernel}x{layer.kernel}", batch, direction),
        *(f"{flops[name] / 1e9:.1f}" if name in flops else "" for name in CONTESTANTS),
        f"**{flops['minicnn native'] / peak:.0%}**",
        f"{max(rivals):.2f}" if rivals else "",
    )
    row = {
        "convolution": layer._asdict(),
        "batch": batch,
        "direction": direction,
        "operations": operations,
        "flops": flops,
        "native_by_this": by_this,
    }
    return f"| {' | '.join(map(str, cells))} |", row


def draw(figure: Any, rows: list[dict[str, Any]], peak: float) -> None:
    """One panel per direction: a line per convolution with a dot for each program."""
    panels = figure.subplots(3, 1, sharex=True)
    for axes, direction in zip(panels, DIRECTIONS, strict=True):
        shown = [row for row in rows if row["direction"] == direction]
        for name, colour in COLOURS.items():
            found = [(k, row["flops"][name]) for k, row in enumerate(shown) if name in row["flops"]]
            places, flops = [k for k, _ in found], [each / 1e9 for _, each in found]
            axes.plot(flops, places, "o", color=colour, alpha=0.8, label=name)
        layers = [Layer(**row["convolution"]) for row in shown]
        names = [f"{x.network} {x.channels}x{x.size}x{x.size}" for x in layers]
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.axvline(peak / 1e9, color=GREY, linewidth=1)
        axes.set_title(direction, loc="left")
        axes.set_xlim(left=0)
        axes.grid()
    panels[-1].set_xlabel("GFLOP/s (line: the peak of all cores)")
    panels[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3)


if __name__ == "__main__":
    main()

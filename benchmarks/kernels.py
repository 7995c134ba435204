"""How far is each kernel from the least time it could take, and a whole training step?

    python -m benchmarks.kernels

At the layer sizes of LeNet-5 and the simplified AlexNet, batch 128, float32. The floor of a kernel
of ``minicnn/backend/numpy_kernels.py`` is a contiguous copy between two arrays that are there,
which reads and writes as many bytes as the kernel must read and write. The floor of a convolution
and its two gradients, columns and all, is the bare matrix product of the same shape; that of a
training step is all its products, one after the other. A product over a long axis counts as one
call of BLAS or as a sum of shorter products, whichever is faster here. Kernel and floor take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
from minicnn.backend import numpy_kernels as kernels
from minicnn.backend.geometry import window
from minicnn.backend.sources import pad_sources

from .contest import Result, Step, interleaved, ratio, save
from .options import Parser
from .plots import BLUE, GREY, ORANGE, plot
from .train_step import minicnn_step

LEAST = 0.01  # seconds that one measurement takes
PIECE = 4096  # of a long axis in a sum of products
TARGET = 2  # times the floor of a training step


class Layer(NamedTuple):
    """A convolution C -> O with a square kernel over square images, pooled by 2 afterwards or not."""

    network: str
    channels: int
    outputs: int
    size: int
    kernel: int
    is_pooled: bool = True

    @property
    def places(self) -> int:
        """Rows, and columns, of the output."""
        return self.size - self.kernel + 1


class Network(NamedTuple):
    """A network of minicnn.models by its name, and its dense layers as (inputs, outputs)."""

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
    """A step and the floor it is measured against."""

    name: str
    network: str
    size: str
    step: Step
    floor: Step


def kernel_pairs(layer: Layer, batch: int) -> Iterator[Pair]:
    """The kernels around one convolution, each beside a copy."""
    c, o, size, half = layer.channels, layer.outputs, layer.size, layer.kernel // 2
    slide = window("conv2d", (size, size), layer.kernel)
    x = _random(c, size, size, batch)
    sources = pad_sources(size, half, half, "zeros")
    columns = kernels.im2col(x, slide)  # (C, KH, KW, OH, OW, N)
    padded = kernels.pad(x, sources, sources, 0.0)  # (C, .., .., N)

    def pair(kernel: Callable[..., Any], read: Sequence[Any], *options: Any) -> Pair:
        channels, *_, pixels, batch = read[0].shape
        return Pair(
            kernel.__name__,
            layer.network,
            f"{channels}x{pixels}x{pixels}",
            lambda: kernel(*read, *options),
            _copy(sum(a.nbytes for a in read) + kernel(*read, *options).nbytes),
        )

    yield pair(kernels.im2col, [x], slide)
    yield pair(kernels.col2im, [columns], slide)
    yield pair(kernels.pad, [x], sources, sources, 0.0)
    yield pair(kernels.pad_adjoint, [padded], sources, sources, (size, size))
    y = _random(o, layer.places, layer.places, batch)  # what is pooled, or goes into ReLU
    if layer.is_pooled:
        halves = window("max_pool2d", (layer.places, layer.places), 2, 2)
        pooled = kernels.max_pool(y, halves)  # (O, OH/2, OW/2, N)
        divisor = np.full(halves.output_size, 4, np.float32)
        yield pair(kernels.max_pool, [y], halves)
        yield pair(kernels.winner_scatter, [pooled.copy(), y, pooled], halves)
        yield pair(kernels.avg_pool, [y], halves, divisor)
        yield pair(kernels.avg_pool_adjoint, [pooled], halves, divisor)
        y = pooled
    yield pair(kernels.channel_sum, [y], 2, 2)
    yield pair(kernels.mask, [y, y > 0.5])


def convolution_pairs(layer: Layer, batch: int) -> Iterator[Pair]:
    """A convolution and its two gradients, each beside its matrix product."""
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
    for (name, step), product in zip(steps.items(), _convolution_products(layer, batch), strict=True):
        yield Pair(name, layer.network, shape, step, product)


def step_pair(network: str, batch: int) -> Pair:
    """A whole training step beside all its products."""
    first, *others = (layer for layer in LAYERS if layer.network == network)
    products = _convolution_products(first, batch)[:2]  # nobody asks for the images' gradient
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
    taps, length = layer.channels * layer.kernel**2, layer.places**2 * batch
    weight, columns = _random(layer.outputs, taps), _random(taps, length)
    grad = _random(layer.outputs, length)
    to_weight = [_product(columns, grad.T)]
    if length > PIECE and (pieces := next((n for n in range(length // PIECE, length) if length % n == 0), 0)):
        a = columns.reshape(taps, pieces, -1).swapaxes(0, 1)  # (pieces, taps, length/pieces)
        b = grad.reshape(layer.outputs, pieces, -1).transpose(1, 2, 0)  # (.., length/pieces, O)
        to_weight.append(lambda: (a @ b).sum(0))
    return [_product(weight, columns), _fastest(to_weight), _product(weight.T, grad)]

"""The convolutions of the course's networks, and the bare matrix products of a convolution.

The columns are ready-made. Each product is either one BLAS call or one call per row of the output,
whichever is faster here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .contest import Step, interleaved

__all__ = ["LAYERS", "Layer", "bare_product", "convolution_products", "random"]

LEAST = 0.01  # approximate seconds per measurement


class Layer(NamedTuple):
    """A convolution C -> O with square kernel and images, with or without 2x2 pooling after it.

    network: where it is from.
    """

    network: str
    channels: int
    outputs: int
    size: int
    kernel: int
    is_pooled: bool = True
    padding: int = 0

    @property
    def places(self) -> int:
        """The number of rows, and of columns, of the output."""
        return self.size + 2 * self.padding - self.kernel + 1

    @property
    def taps(self) -> int:
        """The number of weights of one output."""
        return self.channels * self.kernel**2

    @property
    def multiply_adds(self) -> int:
        """The multiplications for one image, each with an addition; none with padding."""
        under_pixels = sum(
            0 <= place + tap - self.padding < self.size
            for place in range(self.places)
            for tap in range(self.kernel)
        )
        return self.outputs * self.channels * under_pixels**2


LAYERS = (
    Layer("LeNet-5", 1, 6, 28, 5),
    Layer("LeNet-5", 6, 16, 12, 5),
    Layer("AlexNet", 1, 32, 28, 3),
    Layer("AlexNet", 32, 64, 13, 3),
    Layer("AlexNet", 64, 128, 5, 3, is_pooled=False),
)


def convolution_products(layer: Layer, batch: int) -> list[Step]:
    """The products of the convolution, its gradient to the weight, and its gradient to x."""
    o, taps, rows = layer.outputs, layer.taps, layer.places
    weight, columns = random(o, taps), random(taps, rows * rows * batch)
    grad = random(o, rows * rows * batch)
    a = columns.reshape(taps, rows, -1).swapaxes(0, 1)  # (OH, C·KH·KW, OW·N)
    b = grad.reshape(o, rows, -1).swapaxes(0, 1)  # (OH, O, OW·N)
    return [
        _faster(bare_product(weight, columns), bare_product(weight, a)),
        _faster(bare_product(columns, grad.T), lambda: (a @ b.swapaxes(1, 2)).sum(0)),
        _faster(bare_product(weight.T, grad), bare_product(weight.T, b)),
    ]


def bare_product(a: Any, b: Any) -> Step:
    """The matrix product, into memory that exists."""
    result = a @ b
    return lambda: np.matmul(a, b, out=result)


def _faster(one: Step, other: Step) -> Step:
    results = interleaved({"one": one, "other": other}, rounds=3, least=LEAST)
    return one if results["one"].median < results["other"].median else other


def random(*shape: int) -> Any:
    """Numbers in [0, 1) in float32, the same every time."""
    return np.random.default_rng(0).random(shape, np.float32)

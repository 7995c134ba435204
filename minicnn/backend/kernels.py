"""The contract of the kernels: each one's name, shapes and meaning, once; and ``kernels_for(x)``.

Three packages fulfil it, with files of the same names: ``reference/`` in plain loops,
``vectorised/`` with NumPy, ``cuda/`` in CUDA C. mypy checks each of them against ``Kernels``.

Images lie in storage order (C, H, W, N). ``window`` is a ``geometry.Window`` with places (OH, OW)
and taps (KH, KW); where a tap falls on padding there is no pixel. An *adjoint* is the transposed
linear map: it carries gradients back through the kernel. No kernel but ``join`` writes into an
argument.
Images hold float32 or float64; the ops convert float16 (``ops.convert.in_float32``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..checks import Pair
from . import vectorised
from .arrays import Array, array_module
from .geometry import Window
from .padding import IndexMap


class Kernels(Protocol):
    """What a module of kernels has to offer. Shapes are those in memory."""

    # convolution: linear in x and in weight, and each is the adjoint of the others

    def convolve(
        self, x: Array, weight: Array, bias: Array | None, window: Window, groups: int
    ) -> Array:
        """Slide O kernels over the images: a cross-correlation.

        x (C, H, W, N), weight (O, C/groups, KH, KW), bias (O,) or None -> y (O, OH, OW, N)
        y[o, oh, ow, n] = bias[o] + sum of weight[o, c, kh, kw] · x[c, ih, iw, n] over c, kh, kw,
        where (ih, iw) is the pixel under tap (kh, kw) at place (oh, ow) and c one of o's group.
        """

    def convolve_input_gradient(
        self, grad: Array, weight: Array, window: Window, groups: int
    ) -> Array:
        """The gradient of convolve to x: each weight · grad added onto the pixel it was for.

        grad (O, OH, OW, N), weight (O, C/groups, KH, KW) -> x (C, H, W, N)
        """

    def convolve_weight_gradient(self, x: Array, grad: Array, window: Window, groups: int) -> Array:
        """The gradient of convolve to weight: the sum of grad · x over all places and images.

        x (C, H, W, N), grad (O, OH, OW, N) -> weight (O, C/groups, KH, KW)
        """

    # columns

    def im2col(self, x: Array, window: Window) -> Array:
        """Lay the pixels under every window in a column, 0 for padding.

        x (C, H, W, N) -> columns (C, KH, KW, OH, OW, N)
        columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n]
        """

    def col2im(self, columns: Array, window: Window) -> Array:
        """The adjoint of im2col: add every column back onto the pixels it came from.

        columns (C, KH, KW, OH, OW, N) -> x (C, H, W, N)
        x[c, ih, iw, n] = sum of columns[c, kh, kw, oh, ow, n] over all taps that see (ih, iw)
        """

    # pooling

    def max_pool(self, x: Array, window: Window) -> Array:
        """The largest pixel under every window; padding counts as -inf, NaN wins over everything.

        x (C, H, W, N) -> y (C, OH, OW, N)
        """

    def min_pool(self, x: Array, window: Window) -> Array:
        """The smallest pixel under every window; padding counts as +inf, NaN wins over everything.

        x (C, H, W, N) -> y (C, OH, OW, N)
        """

    def winner_scatter(self, values: Array, x: Array, y: Array, window: Window) -> Array:
        """Put each window's value back onto its winner, adding where windows overlap.

        The winner is the first pixel in row order that is equal to y, or NaN.
        values, y (C, OH, OW, N), x (C, H, W, N) -> (C, H, W, N); y = max_pool(x) or min_pool(x)
        """

    def winner_gather(self, values: Array, x: Array, y: Array, window: Window) -> Array:
        """Pick from another array the pixels that won in x: the adjoint of winner_scatter.

        values, x (C, H, W, N), y (C, OH, OW, N) -> (C, OH, OW, N); y = max_pool(x) or min_pool(x)
        """

    def unpool(self, values: Array, positions: Array, size: Pair) -> Array:
        """Write each value to its position in a map of zeros; the last in row order stays.

        values, positions (C, OH, OW, N), each position ih·W + iw -> x (C, H, W, N), size = (H, W)
        """

    def unpool_adjoint(self, x: Array, positions: Array) -> Array:
        """Pick from each map the pixels at the positions: unpool's adjoint if none comes twice.

        x (C, H, W, N), positions (C, OH, OW, N) -> (C, OH, OW, N)
        """

    def avg_pool(self, x: Array, window: Window, divisor: Array) -> Array:
        """The sum of the pixels under every window, divided by the divisor of its place.

        x (C, H, W, N), divisor (OH, OW) -> y (C, OH, OW, N)
        """

    def avg_pool_adjoint(self, y: Array, window: Window, divisor: Array) -> Array:
        """Give every pixel its share of each window that sees it: the adjoint of avg_pool.

        y (C, OH, OW, N), divisor (OH, OW) -> x (C, H, W, N)
        """

    # padding

    def pad(self, x: Array, rows: IndexMap, columns: IndexMap, value: float) -> Array:
        """Copy row rows[i] and column columns[j] of x to (i, j), or value where either is -1.

        x (C, H, W, N) -> (C, len(rows), len(columns), N); ``padding.py`` makes the index maps
        """

    def pad_adjoint(self, y: Array, rows: IndexMap, columns: IndexMap, input_size: Pair) -> Array:
        """Add every padded pixel back onto the pixel it copies: the adjoint of pad with value 0.

        y (C, len(rows), len(columns), N) -> x (C, H, W, N)
        """

    # channels

    def sum_over_neighbour_channels(self, x: Array, before: int, after: int) -> Array:
        """Sum neighbours: y[c] = x[c - before] + ... + x[c + after], as far as they exist.

        x (C, H, W, N) -> y (C, H, W, N); the adjoint is the same with before and after exchanged
        """

    def sum_per_channel(self, x: Array) -> Array:
        """The sum of each channel: x (C, H, W, N) -> (C,)."""

    # element by element, for arrays of any shape and memory order

    def erf(self, x: Array) -> Array:
        """The error function 2/sqrt(pi) · (integral of e ** -t² from 0 to x)."""

    def join(self, arrays: Sequence[Array], out: Array) -> None:
        """Write the elements of the arrays, each in row order, one after the other into the flat out.

        arrays of any shapes, which have as many elements as out (length,) in all.
        """

    def keep(self, x: Array, mask: Array) -> Array:
        """x where the mask is True, 0 elsewhere. Not x * mask: 0 · inf is NaN, and 0 is wanted."""

    def relu_grad(self, x: Array, y: Array) -> Array:
        """x where y != 0, 0 elsewhere: the gradient x of ReLU's result y >= 0, carried back.

        Where y is NaN so is the input, and the gradient is passed on.
        """

    # scores and classes

    def softmax(self, x: Array, axis: int) -> Array:
        """e ** x_i / sum_j e ** x_j along an axis; the largest x_j is subtracted: no overflow."""

    def log_softmax(self, x: Array, axis: int) -> Array:
        """x_i - log sum_j e ** x_j along an axis: log(softmax) without its underflow."""

    def cross_entropy(self, scores: Array, classes: Array) -> Array:
        """-log_softmax at each class: scores (N, C, ...), classes (N, ...) -> losses (N, ...)."""

    def cross_entropy_grad(self, grad: Array, scores: Array, classes: Array) -> Array:
        """grad · (softmax(scores) - 1 at its class), the gradient of cross_entropy to the scores.

        grad, classes (N, ...), scores (N, C, ...) -> (N, C, ...)
        """

    def gather_class(self, scores: Array, classes: Array) -> Array:
        """The score of each class: scores (N, C, ...), classes (N, ...) -> (N, ...)."""

    def scatter_class(self, values: Array, classes: Array, num_classes: int) -> Array:
        """Zeros, with each value at its class: (N, ...) -> (N, C, ...), gather_class's adjoint."""

    # random numbers

    def uniform(self, like: Array, count: int, key: int) -> Array:
        """Random float32 numbers in [0, 1) from Philox4x64-10 with a key of 64 bits: (count,).

        Number i depends on the key and on i only, so that threads can compute them in any order.
        Each counter 1, 2, 3, ... becomes four words of 64 bits, and each half of a word a number.
        ``like`` is any array on the device where they are wanted. Source: Salmon et al., 2011.
        """


def kernels_for(x: Array) -> Kernels:
    """The kernels of the device that holds x."""
    return vectorised if array_module(x) is np else _cuda_kernels()


def _cuda_kernels() -> Kernels:
    from . import cuda  # only when it is needed: it loads compilers

    return cuda


if TYPE_CHECKING:
    from . import reference

    _reference: Kernels = reference

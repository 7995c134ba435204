"""The contract of the kernels: each one's name, shapes and meaning, once; and ``kernels_for(x)``.

Three packages fulfil it, with files of the same names: ``reference/`` in plain loops,
``vectorised/`` with NumPy, ``cuda/`` in CUDA C. mypy checks each of them against ``Kernels``.

Images lie in storage order (C, H, W, N). ``window`` is a ``geometry.Window`` with places (OH, OW)
and taps (KH, KW); where a tap falls on padding there is no pixel. An *adjoint* is the transposed
linear map: it carries gradients back through the kernel. No kernel writes into its arguments,
except ``join`` and ``update_running``.
Images hold float32 or float64; the ops convert float16 (``ops.convert.in_float32``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
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

    # the dense layer: a convolution of images with one pixel

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """y[o, n] = bias[o] + sum of weight[o, i] · x[i, n] over i.

        x (inputs, N), weight (outputs, inputs), bias (outputs,) or None -> y (outputs, N)
        """

    def linear_input_gradient(self, grad: Array, weight: Array) -> Array:
        """The gradient of linear to x: grad (outputs, N), weight as above -> x (inputs, N)."""

    def linear_weight_gradient(self, x: Array, grad: Array) -> Array:
        """The gradient of linear to weight: x (inputs, N), grad (outputs, N) -> as weight."""

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

    def response_norm(
        self, x: Array, before: int, after: int, alpha: float, beta: float, k: float
    ) -> Array:
        """Divide each pixel by the activity of neighbouring channels.

        x (C, H, W, N) -> y (C, H, W, N)
        y = x / base ** beta, base = k + alpha · sum_over_neighbour_channels(x², before, after)
        """

    def response_norm_grad(
        self, grad: Array, x: Array, before: int, after: int, alpha: float, beta: float, k: float
    ) -> Array:
        """The gradient of response_norm to x.

        grad, x (C, H, W, N) -> (C, H, W, N), with the base of response_norm:
        grad / base ** beta - 2 · alpha · beta · x · (sum of grad · x / base ** (beta + 1) over the
        channels whose base contains x: the sum over neighbours with before and after exchanged)
        """

    # standardisation of lines: x (B, L, A) holds a line of L >= 1 numbers for each (b, a).
    # statistics (3, B, A) are float64: the mean of each line, its variance, and its scale
    # 1 / sqrt(variance + eps). x_hat = (x - mean) · scale. weight and bias have one number for
    # each b, as (B, 1, 1), or one for each l, as (1, L, 1).

    def line_statistics(self, x: Array, eps: float) -> Array:
        """The statistics of each line; variance: the mean of (x - mean)².

        x (B, L, A) -> statistics (3, B, A). Exact far from 0, too, and for every finite float32:
        its squares are infinite above 1e19. So are all kernels that take the statistics. (The
        variance of float64 numbers 1e154 apart is infinite, and their x_hat is 0.)
        """

    def known_statistics(self, mean: Array, var: Array, eps: float) -> Array:
        """Statistics from known means and variances: mean, var (C,) -> statistics (3, C, 1)."""

    def update_running(
        self,
        mean: Array,
        var: Array,
        batches: Array,
        statistics: Array,
        momentum: float | None,
        correction: float,
    ) -> None:
        """Move running statistics towards those of a batch, in place: the only kernel that writes.

        mean, var (C,), batches () of int64, statistics (3, C, 1)
        batches = batches + 1; mean = (1 - momentum) · mean + momentum · statistics[0]; var likewise
        with correction · statistics[1]. momentum None stands for 1 / batches, which makes mean and
        var the means over all batches. Nothing waits for the device.
        """

    def standardise(
        self, x: Array, statistics: Array, weight: Array | None, bias: Array | None
    ) -> Array:
        """x_hat · weight + bias: x (B, L, A) -> y (B, L, A); None stands for weight 1, bias 0."""

    def line_sums(self, grad: Array, x: Array, statistics: Array, weight: Array | None) -> Array:
        """The sums of g = grad · weight and of g · x_hat along each line.

        grad, x (B, L, A) -> (2, B, A)
        """

    def sums_across_lines(self, grad: Array, x: Array, statistics: Array) -> Array:
        """The sums of grad and of grad · x_hat over all lines, for each place l of a line.

        grad, x (B, L, A) -> (2, L)
        """

    def standardise_grad(
        self, grad: Array, x: Array, statistics: Array, weight: Array | None, sums: Array
    ) -> Array:
        """The gradient of standardise to x, if the statistics are those of x.

        grad, x (B, L, A), sums (2, B, A) = line_sums(grad, x, statistics, weight) -> (B, L, A)
        scale · (g - sums[0] / L - x_hat · sums[1] / L), g = grad · weight
        """

    # element by element, for arrays of any shape and memory order

    def erf(self, x: Array) -> Array:
        """The error function 2/sqrt(pi) · (integral of e ** -t² from 0 to x)."""

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + e ** -x), without overflow."""

    def gelu(self, x: Array) -> Array:
        """x · P(Z <= x) for a standard normal Z, P(Z <= x) = (1 + erf(x / sqrt 2)) / 2."""

    def gelu_grad(self, grad: Array, x: Array) -> Array:
        """grad · (P(Z <= x) + x · e ** (-x² / 2) / sqrt(2π)), the gradient of gelu."""

    def join(self, arrays: Sequence[Array], out: Array) -> None:
        """Write the arrays into the flat out, one after the other, each in row order.

        arrays of any shapes, which have as many elements as out (length,) in all
        """

    def keep(self, x: Array, mask: Array) -> Array:
        """x where the mask is True, 0 elsewhere. Not x * mask: 0 · inf is NaN, and 0 is wanted."""

    def relu(self, x: Array) -> Array:
        """max(x, 0), NaN where x is NaN; for every dtype of numbers."""

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

    def is_largest(self, scores: Array, classes: Array) -> Array:
        """Whether each class has the largest score: (N, C, ...), (N, ...) -> booleans (N, ...).

        The first of equal scores is the largest; the first NaN, if there is one.
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


@cache
def _cuda_kernels() -> Kernels:
    from . import cuda  # only when it is needed: it loads compilers

    return cuda


if TYPE_CHECKING:
    from . import reference

    _reference: Kernels = reference

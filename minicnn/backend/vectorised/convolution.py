"""Convolution as one matrix product over im2col columns, made in bands of rows.

Shapes of the matrices, one of each per group:

    weight   (O/G, C/G·KH·KW)
    columns  (C/G·KH·KW, OH·OW·N)
    y        (O/G, OH·OW·N)

    convolve                  y = weight · columns
    convolve_input_gradient   x = col2im(weightᵀ · grad)
    convolve_weight_gradient  weight = grad · columnsᵀ

Source: Chellapilla et al., 2006.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..arrays import Array, array_module
from ..geometry import Band, Window, bands
from .columns import col2im, im2col

COLUMN_BYTES, COLUMN_LENGTH = 5 << 20, 2048
"""Bytes of columns made at a time, by rows of places, but no fewer places than COLUMN_LENGTH.

The product then reads them from the cache, and memory does not grow with the image; BLAS is slow
where the axis of places is short (``python -m benchmarks.bands``).
"""

PRODUCT_LENGTH = 4096
"""Thin matrix products are cut to this length (``python -m benchmarks.weight_gradient``)."""

THIN = 1024
"""Elements of a matrix product that count as thin."""


class ColumnConvolution:
    """The three kernels, over the im2col and col2im of one array library."""

    def __init__(
        self,
        im2col: Callable[[Array, Window], Array],
        col2im: Callable[[Array, Window], Array],
        column_bytes: int,
        column_length: int,
        product_length: int,
    ) -> None:
        self.im2col, self.col2im = im2col, col2im
        self.column_bytes, self.column_length = column_bytes, column_length
        self.product_length = product_length

    def convolve(
        self, x: Array, weight: Array, bias: Array | None, window: Window, groups: int
    ) -> Array:
        matrix, xp = _by_group(weight, groups), array_module(x)  # (G, O/G, C/G·KH·KW)
        (channels, _, _, batch), outputs = x.shape, weight.shape[0]
        height, width = window.output_size
        y = xp.empty((groups, outputs // groups, height, width * batch), x.dtype)
        for band in self._bands(x, window, channels):
            rows = y[:, :, band.output]  # (G, O/G, some of OH, OW·N)
            columns = self._columns(x, band, groups)  # (G, C/G·KH·KW, some of OH·OW·N)
            xp.matmul(matrix, columns, out=rows.reshape(*rows.shape[:2], columns.shape[2]))
            if bias is not None:
                rows += bias.reshape(groups, -1, 1, 1)
        return y.reshape(outputs, height, width, batch)

    def convolve_input_gradient(
        self, grad: Array, weight: Array, window: Window, groups: int
    ) -> Array:
        matrix = _by_group(weight, groups).swapaxes(1, 2)  # (G, C/G·KH·KW, O/G)
        channels, batch = groups * weight.shape[1], grad.shape[-1]
        x: Any = None
        for band in self._bands(grad, window, channels):
            grads = _by_group(grad[:, band.output], groups)  # (G, O/G, some of OH·OW·N)
            columns = _product(matrix, grads)  # (G, C/G·KH·KW, some of OH·OW·N)
            pixels = self._pixels(columns, band, channels, batch)
            if x is None and pixels.shape[1] == window.input_size[0]:  # of all rows
                x = pixels
                continue
            if x is None:
                x = array_module(grad).zeros((channels, *window.input_size, batch), grad.dtype)
            x[:, band.input] += pixels
        return x

    def convolve_weight_gradient(self, x: Array, grad: Array, window: Window, groups: int) -> Array:
        channels, outputs = x.shape[0], grad.shape[0]
        kh, kw = window.kernel_size
        weight: Any = None
        # The columns are made again: keeping them from forward costs KH·KW times the memory.
        for band in self._bands(x, window, channels):
            grads = _by_group(grad[:, band.output], groups)  # (G, O/G, some of OH·OW·N)
            products = self._sum_of_products(self._columns(x, band, groups), grads)
            weight = products if weight is None else weight + products
        weight = weight.swapaxes(1, 2)  # (G, O/G, C/G·KH·KW)
        return weight.reshape(outputs, channels // groups, kh, kw)

    def _bands(self, x: Array, window: Window, channels: int) -> tuple[Band, ...]:
        """The bands of rows whose columns are made at a time; the last axis of x is the batch."""
        (kh, kw), length = window.kernel_size, max(1, window.output_size[1] * x.shape[-1])
        row = channels * kh * kw * length * x.itemsize
        least = -(-self.column_length // length)
        return bands(window, max(1, self.column_bytes // row, least))

    def _columns(self, x: Array, band: Band, groups: int) -> Array:
        """The matrix of columns of each group, in one band of the images."""
        pixels = x[:, band.input]
        if band.window.is_pointwise:  # they are the columns (``python -m benchmarks.pointwise``)
            return _by_group(pixels, groups)
        columns = self.im2col(pixels, band.window)  # (C, KH, KW, OH, OW, N)
        c, kh, kw, oh, ow, n = columns.shape
        return columns.reshape(groups, c // groups * kh * kw, oh * ow * n)

    def _pixels(self, columns: Array, band: Band, channels: int, batch: int) -> Array:
        """What the columns of one band add to the images: the adjoint of _columns."""
        size = band.window
        if size.is_pointwise:
            return columns.reshape(channels, *size.input_size, batch)
        shape = (channels, *size.kernel_size, *size.output_size, batch)
        return self.col2im(columns.reshape(shape), size)

    def _sum_of_products(self, a: Array, b: Array) -> Array:
        """a (G, P, L) times b (G, Q, L) transposed -> (G, P, Q), summed over the long axis L.

        BLAS is slow at one thin product with so long an inner axis, and faster at a sum of shorter
        ones (``python -m benchmarks.weight_gradient``).
        """
        (groups, p, length), q = a.shape, b.shape[1]
        pieces = _pieces(length, self.product_length) if p * q <= THIN else 1
        if pieces == 1:
            return (a[0] @ b[0].T)[None] if groups == 1 else a @ b.swapaxes(1, 2)
        a = a.reshape(groups, p, pieces, length // pieces).swapaxes(1, 2)  # (G, pieces, P, L/p)
        b = b.reshape(groups, q, pieces, length // pieces)
        b = b.transpose(0, 2, 3, 1)  # (G, pieces, L/p, Q)
        return (a @ b).sum(1)


def _by_group(x: Array, groups: int) -> Array:
    """The channels, first axis of x, cut into groups, the other axes in one."""
    per_group = x.shape[0] // groups
    return x.reshape(groups, per_group, x[0].size)  # (G, channels/G, rest)


def _product(a: Array, b: Array) -> Array:
    """a @ b in each group; BLAS is slow where that is an outer product."""
    if a.shape[-1] == 1:
        return a * b
    return (a[0] @ b[0])[None] if len(a) == 1 else a @ b


@lru_cache(maxsize=256)
def _pieces(length: int, longest: int) -> int:
    """A number of equal pieces, none longer, that a length can be cut into (or 1)."""
    least = max(1, -(-length // longest))
    return next((n for n in range(least, 4 * least + 1) if length % n == 0), 1)


_numpy = ColumnConvolution(im2col, col2im, COLUMN_BYTES, COLUMN_LENGTH, PRODUCT_LENGTH)
convolve = _numpy.convolve
convolve_input_gradient = _numpy.convolve_input_gradient
convolve_weight_gradient = _numpy.convolve_weight_gradient

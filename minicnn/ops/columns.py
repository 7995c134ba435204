"""The columns of a convolution as matrices, one for each group, and the products with them.

They are made in bands of rows; what is convolved with what, and why, is in ``conv.py``.
"""

from __future__ import annotations

from functools import lru_cache

from ..backend import Array, kernels_for
from ..backend.geometry import Band, Window, bands

__all__ = ["by_group", "columns_of", "pixels_of", "product", "row_bands", "sum_of_products"]

THIN = 1024  # elements of a product, see sum_of_products


def by_group(x: Array, groups: int) -> Array:
    """The channels, first axis of x, cut into groups, the other axes in one."""
    per_group = x.shape[0] // groups
    return x.reshape(groups, per_group, x[0].size)  # (G, channels/G, rest)


def row_bands(x: Array, window: Window, channels: int) -> tuple[Band, ...]:
    """The bands of rows whose columns are made at a time; the last axis of x is the batch."""
    kernels = kernels_for(x)
    (kh, kw), length = window.kernel_size, max(1, window.output_size[1] * x.shape[-1])
    row = channels * kh * kw * length * x.itemsize
    least = -(-kernels.COLUMN_LENGTH // length)
    return bands(window, max(1, kernels.COLUMN_BYTES // row, least))


def columns_of(x: Array, band: Band, groups: int) -> Array:
    """The matrix of columns of each group, in one band of the images x (C, H, W, N)."""
    pixels = x[:, band.input]
    if band.window.is_pointwise:  # they are the columns (``python -m benchmarks.pointwise``)
        return by_group(pixels, groups)
    columns = kernels_for(x).im2col(pixels, band.window)  # (C, KH, KW, OH, OW, N)
    c, kh, kw, oh, ow, n = columns.shape
    return columns.reshape(groups, c // groups * kh * kw, oh * ow * n)


def pixels_of(columns: Array, band: Band, channels: int, batch: int) -> Array:
    """What the columns of one band add to the images (C, H, W, N): the adjoint of columns_of."""
    size = band.window
    if size.is_pointwise:
        return columns.reshape(channels, *size.input_size, batch)
    shape = (channels, *size.kernel_size, *size.output_size, batch)
    return kernels_for(columns).col2im(columns.reshape(shape), size)


def product(a: Array, b: Array) -> Array:
    """a @ b in each group; BLAS is slow where that is an outer product."""
    if a.shape[-1] == 1:
        return a * b
    return (a[0] @ b[0])[None] if len(a) == 1 else a @ b


def sum_of_products(a: Array, b: Array) -> Array:
    """a (G, P, L) times b (G, Q, L) transposed -> (G, P, Q), summed over the long axis L.

    BLAS is slow at one thin product with so long an inner axis, and faster at a sum of shorter ones
    (``python -m benchmarks.weight_gradient``).
    """
    (groups, p, length), q = a.shape, b.shape[1]
    pieces = _pieces(length, kernels_for(a).PRODUCT_LENGTH) if p * q <= THIN else 1
    if pieces == 1:
        return (a[0] @ b[0].T)[None] if groups == 1 else a @ b.swapaxes(1, 2)
    a = a.reshape(groups, p, pieces, length // pieces).swapaxes(1, 2)  # (G, pieces, P, L/pieces)
    b = b.reshape(groups, q, pieces, length // pieces)
    b = b.transpose(0, 2, 3, 1)  # (G, pieces, L/pieces, Q)
    return (a @ b).sum(1)


@lru_cache(maxsize=256)
def _pieces(length: int, longest: int) -> int:
    """A number of equal pieces, none longer, that a length can be cut into (or 1)."""
    least = max(1, -(-length // longest))
    return next((n for n in range(least, 4 * least + 1) if length % n == 0), 1)

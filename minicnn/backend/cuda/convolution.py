"""Convolution on a GPU: im2col and col2im in CUDA C, the matrix products by cuBLAS.

The algorithm is that of ``vectorised/convolution.py``, but fewer and larger kernels are faster on a
GPU: the columns are made whole up to 1 GiB, and cuBLAS cuts thin products itself.
"""

from __future__ import annotations

from ..arrays import Array
from ..vectorised.convolution import ColumnConvolution
from .columns import col2im, im2col


class CudaConvolution(ColumnConvolution):
    """Without the copies that CuPy makes of transposed matrices."""

    def _sum_of_products(self, a: Array, b: Array) -> Array:
        if len(a) > 1:
            return a @ b.swapaxes(1, 2)
        # Transposed, so that the weights that it becomes lie in the order of their axes.
        return (b[0] @ a[0].T).T[None]


_cuda = CudaConvolution(
    im2col, col2im, column_bytes=1 << 30, column_length=1, product_length=1 << 62
)
convolve = _cuda.convolve
convolve_input_gradient = _cuda.convolve_input_gradient
convolve_weight_gradient = _cuda.convolve_weight_gradient

"""Convolution on a GPU: im2col and col2im in CUDA C, the matrix products by cuBLAS.

The algorithm is that of ``vectorised/convolution.py``, but fewer and larger kernels are faster on a
GPU: the columns are made whole up to 1 GiB, and cuBLAS cuts thin products itself.
"""

from __future__ import annotations

from ..vectorised.convolution import ColumnConvolution
from .columns import col2im, im2col

_cuda = ColumnConvolution(
    im2col, col2im, column_bytes=1 << 30, column_length=1, product_length=1 << 62
)
convolve = _cuda.convolve
convolve_input_gradient = _cuda.convolve_input_gradient
convolve_weight_gradient = _cuda.convolve_weight_gradient

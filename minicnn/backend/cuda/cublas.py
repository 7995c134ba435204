"""Convolution and the dense layer by columns and cuBLAS, and when these take the kernels' place.

The algorithm is that of ``vectorised/convolution.py``, but fewer and larger kernels are faster on a
GPU: the columns are made whole up to 1 GiB, and cuBLAS cuts thin products itself.
"""

from __future__ import annotations

import math

from ..arrays import Array, is_gpu_array
from ..capture import is_capturing
from ..geometry import Window
from ..vectorised.convolution import ColumnConvolution
from .columns import col2im, im2col

# Seconds for each place of the window, with K = C/groups · KH · KW taps and M maps per group:
#
#   convolution.cu      K · M / 10e12                         a warp issues 14 loads for every 32
#                                                             multiply-adds of each of its threads
#   columns and cuBLAS  8 · K / 3.3e12 + K · M / 25e12        each column is written and read once
#
# K cancels: the kernels are faster up to M = 8 / 3.3e12 / (1 / 10e12 - 1 / 25e12) = 40 maps. The
# rates are those of an H100 in float32. This is arithmetic, and has not been measured on a GPU.
MOST_MAPS = 40
"""Maps per group up to which columns cost more than the faster product saves."""
SMALL = 1 << 24
"""Multiply-adds up to which starting is what takes the time: one kernel instead of two or three."""


def is_faster(x: Array, weight_shape: tuple[int, ...], window: Window, groups: int) -> bool:
    """Whether cuBLAS should compute a convolution, or one of its gradients.

    x: an array of the operation, the batch last. Only on a real GPU, and not in a CUDA graph, where
    CuPy refuses cuBLAS. Pixels under a 1x1 window are columns already, so there the maps do not
    matter.
    """
    if not is_gpu_array(x):
        return False
    maps, places = weight_shape[0] // groups, math.prod(window.output_size) * x.shape[-1]
    is_small = math.prod(weight_shape) * places <= SMALL
    is_thin = maps <= MOST_MAPS and not window.is_pointwise
    return not (is_small or is_thin or is_capturing())


class CublasConvolution(ColumnConvolution):
    """Without the copies that CuPy makes of transposed matrices."""

    def _sum_of_products(self, a: Array, b: Array) -> Array:
        if len(a) > 1:
            return a @ b.swapaxes(1, 2)
        # Transposed, so that the weights that it becomes lie in the order of their axes.
        return (b[0] @ a[0].T).T[None]


by_columns = CublasConvolution(
    im2col, col2im, column_bytes=1 << 30, column_length=1, product_length=1 << 62
)

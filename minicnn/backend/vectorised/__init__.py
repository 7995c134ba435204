"""The kernels with NumPy, for device "cpu"; what each computes is written in ``kernels.Kernels``.

One idea carries them all. Instead of visiting each place of the window and looping over its taps,
visit each tap once and handle all places together: the pixels under tap (kh, kw) of every window
are one strided slice of the image (``geometry.taps``), with runs of N contiguous numbers because
storage is (C, H, W, N). Places where the tap falls on padding are not in the slice, so nothing is
ever padded.
"""

from __future__ import annotations

from .channels import (
    response_norm,
    response_norm_grad,
    sum_over_neighbour_channels,
    sum_per_channel,
)
from .classes import (
    cross_entropy,
    cross_entropy_grad,
    gather_class,
    is_largest,
    log_softmax,
    scatter_class,
    softmax,
)
from .columns import col2im, im2col
from .convolution import convolve, convolve_input_gradient, convolve_weight_gradient
from .elementwise import erf, gelu, gelu_grad, join, keep, relu, relu_grad, sigmoid
from .linear import linear, linear_input_gradient, linear_weight_gradient
from .norm import (
    known_statistics,
    line_statistics,
    line_sums,
    standardise,
    standardise_grad,
    sums_across_lines,
    update_running,
)
from .padding import pad, pad_adjoint
from .pooling import (
    avg_pool,
    avg_pool_adjoint,
    max_pool,
    min_pool,
    unpool,
    unpool_adjoint,
    winner_gather,
    winner_scatter,
)
from .random import uniform

# fmt: off
__all__ = [
    "convolve",
    "convolve_input_gradient",
    "convolve_weight_gradient",
    "linear",
    "linear_input_gradient",
    "linear_weight_gradient",
    "im2col",
    "col2im",
    "max_pool",
    "min_pool",
    "winner_scatter",
    "winner_gather",
    "unpool",
    "unpool_adjoint",
    "avg_pool",
    "avg_pool_adjoint",
    "pad",
    "pad_adjoint",
    "sum_over_neighbour_channels",
    "sum_per_channel",
    "response_norm",
    "response_norm_grad",
    "line_statistics",
    "known_statistics",
    "update_running",
    "standardise",
    "line_sums",
    "sums_across_lines",
    "standardise_grad",
    "erf",
    "sigmoid",
    "gelu",
    "gelu_grad",
    "join",
    "keep",
    "relu",
    "relu_grad",
    "softmax",
    "log_softmax",
    "cross_entropy",
    "cross_entropy_grad",
    "is_largest",
    "gather_class",
    "scatter_class",
    "uniform",
]
# fmt: on

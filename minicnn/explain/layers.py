"""explain: how one output number of a layer came about, and which layers it can explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..nn.module import evaluating
from ..ops.check import check_images
from . import pooling
from .explanation import Asked, Explanation, as_float64
from .response_norm import explain_local_response_norm
from .weighted import explain_conv2d, explain_conv_transpose2d

__all__ = ["explain"]

EXPLAINED: dict[type[nn.Module], Callable[[Asked], Explanation]] = {
    nn.Conv2d: explain_conv2d,
    nn.ConvTranspose2d: explain_conv_transpose2d,
    nn.MaxPool2d: pooling.explain_max_pool,
    nn.MinPool2d: pooling.explain_min_pool,
    nn.AvgPool2d: pooling.explain_avg_pool,
    nn.LPPool2d: pooling.explain_lp_pool,
    nn.GlobalMaxPool2d: pooling.explain_global_max,
    nn.GlobalMinPool2d: pooling.explain_global_min,
    nn.GlobalAvgPool2d: pooling.explain_global_avg,
    nn.AdaptiveMaxPool2d: pooling.explain_adaptive_max,
    nn.AdaptiveAvgPool2d: pooling.explain_adaptive_avg,
    nn.LocalResponseNorm: explain_local_response_norm,
}


def explain(
    layer: nn.Module, x: Tensor, n: int, channel: int, i: int = 0, j: int = 0
) -> Explanation:
    """How ``layer(x)[n, channel, i, j]`` came about, with every number that went into it.

        conv = nn.Conv2d(1, 6, 5)
        print(explain(conv, images, n=0, channel=2, i=10, j=12))

    layer: a convolution, a pooling or LocalResponseNorm; x (N, C, H, W) is its input, not the
    model's. Where the output is (N, C), as of global pooling, i and j stay 0.
    Raises TypeError for other layers (subclasses too, whose forward may differ) and for what is no
    Tensor, IndexError for a place outside the output, and whatever the layer raises for such an x.
    """
    if type(layer) not in EXPLAINED:
        names = ", ".join(kind.__name__ for kind in EXPLAINED)
        raise TypeError(f"explain: got a {type(layer).__name__}, expected one of {names}")
    check_images("explain", x)
    place = (n, channel, i, j)
    _check_index("n", n, len(x), f"x has shape {x.shape}")
    with evaluating(layer):
        output = layer.forward(x[n : n + 1])
    first = output[0] if isinstance(output, tuple) else output
    shape = (len(x), *first.shape[1:])
    sizes = (*shape, 1, 1)[:4]
    for name, index, size in zip(("channel", "i", "j"), place[1:], sizes[1:], strict=True):
        _check_index(name, index, size, f"the output has shape {shape}")
    asked = Asked(layer, as_float64(x, n), place, shape)
    return EXPLAINED[type(layer)](asked)


def _check_index(name: str, index: Any, size: int, where: str) -> None:
    """Raise TypeError or IndexError unless the index counts from the front and is below size."""
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise TypeError(f"explain: {name} is {index!r}, expected an integer")
    if not 0 <= index < size:
        raise IndexError(f"explain: {name} is {index}, expected 0 to {size - 1}: {where}")

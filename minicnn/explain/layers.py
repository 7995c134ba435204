"""explain: how one output number of a layer came about, and which layers it can explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..nn.module import evaluating
from ..nn.watch import layer_named, watch_calls
from ..ops.check import check_images
from . import pooling
from .explanation import Asked, Explanation, as_float64
from .response_norm import explain_local_response_norm
from .weighted import explain_conv2d, explain_conv_transpose2d

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
    layer: nn.Module | str,
    x: Tensor,
    n: int,
    channel: int,
    i: int = 0,
    j: int = 0,
    model: nn.Module | None = None,
) -> Explanation:
    """How ``layer(x)[n, channel, i, j]`` came about, with every number that went into it.

        conv = nn.Conv2d(1, 6, 5)
        print(explain(conv, images, n=0, channel=2, i=10, j=12))
        print(explain("pool2", images, n=0, channel=2, i=1, j=3, model=lenet5))

    layer: a convolution, a pooling or LocalResponseNorm; x (N, C, H, W) is its input. With a model
    it is a layer of that, itself or its name, and x the model's input.
    Where the output is (N, C), as of global pooling, i and j stay 0.
    Raises TypeError for other layers (subclasses too, whose forward may differ) and for what is no
    Tensor, ValueError for a layer that the model does not have or run, IndexError for a place
    outside the output, and whatever the layer raises for such an x.
    """
    if model is not None:
        layer, x = _in_model(model, layer, x)
    if isinstance(layer, str) or type(layer) not in EXPLAINED:
        names = ", ".join(kind.__name__ for kind in EXPLAINED)
        raise TypeError(
            f"explain: got a {type(layer).__name__}, expected one of {names}; "
            "for a layer of a network, its name and model=network"
        )
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


def _in_model(model: nn.Module, layer: nn.Module | str, x: Tensor) -> tuple[nn.Module, Tensor]:
    """The layer, and what it is given when the model is called with x."""
    name, module = layer_named(model, layer, "explain")
    with evaluating(model), watch_calls(model, [module]) as calls:
        model(x)
    if not calls:
        raise ValueError(f"explain: layer {name} does not run when the model is called")
    return module, calls[-1].input


def _check_index(name: str, index: Any, size: int, where: str) -> None:
    """Raise TypeError or IndexError unless the index counts from the front and is below size."""
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise TypeError(f"explain: {name} is {index!r}, expected an integer")
    if not 0 <= index < size:
        raise IndexError(f"explain: {name} is {index}, expected 0 to {size - 1}: {where}")

"""explain: which layers can be explained, and by which explanation."""

from __future__ import annotations

from collections.abc import Callable

from .. import nn
from ..autograd import Tensor
from ..checks import check_integer
from ..nn.modes import evaluating
from ..nn.watch import layer_named, watch_calls
from ..ops.check import check_images
from . import pooling
from .explanation import Explanation, Query, as_float64
from .response_norm import explain_local_response_norm
from .weighted_sum import explain_conv2d, explain_conv_transpose2d

EXPLAINERS: dict[type[nn.Module], Callable[[Query], Explanation]] = {
    nn.Conv2d: explain_conv2d,
    nn.ConvTranspose2d: explain_conv_transpose2d,
    nn.MaxPool2d: pooling.explain_max_pool,
    nn.MinPool2d: pooling.explain_min_pool,
    nn.AvgPool2d: pooling.explain_avg_pool,
    nn.LPPool2d: pooling.explain_lp_pool,
    nn.GlobalMaxPool2d: pooling.explain_global_max_pool,
    nn.GlobalMinPool2d: pooling.explain_global_min_pool,
    nn.GlobalAvgPool2d: pooling.explain_global_avg_pool,
    nn.AdaptiveMaxPool2d: pooling.explain_adaptive_max_pool,
    nn.AdaptiveAvgPool2d: pooling.explain_adaptive_avg_pool,
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
    """How ``layer(x)[n, channel, i, j]`` was computed, with every number that contributed to it.

    layer: a convolution, a pooling layer or LocalResponseNorm; x (N, C, H, W) is its input. With a
    model, layer is one of its layers or the name of one ("conv2"), and x is the model's input.
    If the output is (N, C), as that of global pooling, leave i and j at 0.
    Raises TypeError for other layers (subclasses too, whose forward may differ), for an x that is
    not a Tensor and an index that is not an integer; ValueError for a layer that the model does not
    have or run; IndexError for an index outside the output; and what the layer raises for x.

    >>> x = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> print(mc.explain.explain(mc.nn.AvgPool2d(2), x, n=0, channel=0, i=0, j=1))
    AvgPool2d(kernel_size=2, stride=2, padding=0, ceil_mode=False, count_include_pad=True)
    y[0, 0, 0, 1] = 4.5   (y has shape (1, 1, 2, 2))
    window: rows 0 to 1, columns 2 to 3 of the 4x4 input
    <BLANKLINE>
      patch
       2  3
       6  7
    <BLANKLINE>
        sum     18
      / pixels   4
      = result 4.5
    """
    if model is not None:
        layer, x = _find_in_model(model, layer, x)
    if isinstance(layer, str) or type(layer) not in EXPLAINERS:
        names = ", ".join(kind.__name__ for kind in EXPLAINERS)
        raise TypeError(
            f"explain: got a {type(layer).__name__}, expected one of {names}; "
            "for a layer of a network, pass its name and model=network"
        )
    check_images("explain", x)
    n = _check_index("n", n, len(x), f"x has shape {x.shape}")
    with evaluating(layer):
        output = layer.forward(x[n : n + 1])
    first = output[0] if isinstance(output, tuple) else output
    shape = (len(x), *first.shape[1:])
    where = f"the output has shape {shape}"
    _, channels, height, width = (*shape, 1, 1)[:4]
    channel = _check_index("channel", channel, channels, where)
    place = (n, channel, _check_index("i", i, height, where), _check_index("j", j, width, where))
    return EXPLAINERS[type(layer)](Query(layer, as_float64(x, n), place, shape))


def _find_in_model(model: nn.Module, layer: nn.Module | str, x: Tensor) -> tuple[nn.Module, Tensor]:
    """The layer, and its input when the model is called with x."""
    name, module = layer_named(model, layer, "explain")
    with evaluating(model), watch_calls(model, [module]) as calls:
        model(x)
    if not calls:
        raise ValueError(f"explain: layer {name} does not run when the model is called")
    return module, calls[-1].input


def _check_index(name: str, index: int, size: int, where: str) -> int:
    """The index as an int. Raises TypeError, or IndexError unless it is from 0 to size - 1."""
    place = check_integer(f"explain: {name}", index)
    if not 0 <= place < size:
        raise IndexError(f"explain: {name}: got {place}, expected 0 to {size - 1}: {where}")
    return place

"""Every layer as an ONNX file, with each option somewhere not at its default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.layers import layers_of

from minicnn import nn
from minicnn.nn import loss

IMAGES = (4, 7, 6)
POOL_WINDOWS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": 1, "padding": (1, 0)},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": "same"},
    {"kernel_size": 3, "padding": ((1, 0), (0, 1))},
]
EXTREME: list[dict[str, Any]] = [
    *POOL_WINDOWS,
    {"kernel_size": 2, "dilation": 2, "stride": (2, 1)},
    {"kernel_size": 2, "dilation": 3, "padding": 2},  # padding as large as the kernel
]
CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"stride": (2, 1), "padding": ((2, 1), (0, 3))},
    {"stride": 2, "padding": "same"},
    {"padding": "same", "dilation": 2},
    {"groups": 2, "padding": 1},
    *[{"padding": ((2, 1), (0, 3)), "padding_mode": m} for m in ("reflect", "replicate")],
    {"padding": 1, "padding_mode": "circular", "stride": 2},
]
TRANSPOSED: list[dict[str, Any]] = [
    {},
    {"bias": False, "groups": 2},
    {"stride": (2, 3), "padding": ((1, 0), (2, 1)), "output_padding": (1, 2)},
    {"dilation": 2, "padding": 1},
]
PADDINGS = [1, (2, 0), ((2, 1), (0, 3))]
CROPS = [-1, ((-2, 1), (2, -1))]


def each(kind: type[nn.Module], options: list[dict[str, Any]], *given: Any) -> list[nn.Module]:
    return [kind(*given, **chosen) for chosen in options]


def normalised(norm: nn.Module) -> nn.Module:
    """With statistics, weights and biases that are not those of the start."""
    for i, (_, value) in enumerate([*norm.named_buffers(), *norm.named_parameters()]):
        value.data[...] = np.linspace(0.5, 2 + i, value.size).reshape(value.shape)
    return norm


CASES: list[tuple[nn.Module, tuple[int, ...]]] = [
    *[(layer, IMAGES) for layer in each(nn.Conv2d, CONVOLUTIONS, 4, 6, 3)],
    *[(layer, IMAGES) for layer in each(nn.ConvTranspose2d, TRANSPOSED, 4, 6, 3)],
    *[(layer, IMAGES) for layer in each(nn.MaxPool2d, EXTREME)],
    *[(layer, IMAGES) for layer in each(nn.MinPool2d, EXTREME)],
    *[(layer, IMAGES) for layer in each(nn.AvgPool2d, POOL_WINDOWS)],
    (nn.AvgPool2d(3, padding=1, count_include_pad=False), IMAGES),
    (nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False), IMAGES),
    (nn.AvgPool2d(3, divisor_override=2), IMAGES),
    *[(layer, IMAGES) for layer in each(nn.LPPool2d, POOL_WINDOWS, 4)],
    (nn.LPPool2d(3, 2), IMAGES),  # odd: the sign stays
    *[(nn.GlobalMaxPool2d(keepdim), IMAGES) for keepdim in (False, True)],
    *[(nn.GlobalMinPool2d(keepdim), IMAGES) for keepdim in (False, True)],
    *[(nn.GlobalAvgPool2d(keepdim), IMAGES) for keepdim in (False, True)],
    *[(nn.AdaptiveAvgPool2d(size), IMAGES) for size in (1, 3, (7, 3), (None, 4), (9, 2))],
    *[(nn.AdaptiveMaxPool2d(size), IMAGES) for size in (1, 3, (7, 3), (None, 4), (9, 2))],
    *[(nn.ZeroPad2d(padding), IMAGES) for padding in PADDINGS + CROPS],
    *[(nn.ConstantPad2d(padding, 2.5), IMAGES) for padding in PADDINGS + CROPS],
    *[(nn.ReflectionPad2d(padding), IMAGES) for padding in PADDINGS + CROPS],
    *[(nn.ReplicationPad2d(padding), IMAGES) for padding in PADDINGS + CROPS],
    *[(nn.CircularPad2d(padding), IMAGES) for padding in PADDINGS + CROPS],
    (nn.Linear(5, 3), (5,)),
    (nn.Linear(5, 3, bias=False), (4, 5)),
    (nn.Flatten(), IMAGES),
    (nn.Flatten(2), IMAGES),
    (nn.Identity(), IMAGES),
    (nn.Sequential(nn.Linear(5, 4), nn.Tanh()), (5,)),
    (nn.Dropout(0.9), IMAGES),
    (nn.Dropout2d(0.9), IMAGES),
    (normalised(nn.BatchNorm2d(4)), IMAGES),
    (normalised(nn.BatchNorm2d(4, eps=0.5, affine=False)), IMAGES),
    (normalised(nn.BatchNorm1d(4)), (4,)),
    (normalised(nn.BatchNorm1d(4)), (4, 5)),
    (normalised(nn.LayerNorm((7, 6))), IMAGES),
    (normalised(nn.LayerNorm(6, eps=0.5, bias=False)), IMAGES),
    *[(nn.LocalResponseNorm(size, 0.5, 0.6, 1.5), IMAGES) for size in (1, 2, 3, 5, 9)],
    (nn.ReLU(), IMAGES),
    (nn.LeakyReLU(0.3), IMAGES),
    (nn.ELU(0.7), IMAGES),
    (nn.SELU(), IMAGES),
    (nn.GELU(), IMAGES),
    (nn.GELU("tanh"), IMAGES),
    (nn.SiLU(), IMAGES),
    (nn.Softplus(2.5), IMAGES),
    (nn.Sigmoid(), IMAGES),
    (nn.Tanh(), IMAGES),
    (nn.ScaledTanh(), IMAGES),
    (nn.Hardtanh(-0.5, 0.7), IMAGES),
    (nn.Softmax(), IMAGES),
    (nn.Softmax(-1), IMAGES),
    (nn.LogSoftmax(), IMAGES),
]
NOT_EXPORTED = {
    "ModuleList",
    "ModuleDict",
    "MaxUnpool2d",
    "Module",
}  # unpooling is called with indices, which are computed outside the graph


@pytest.mark.parametrize(("layer", "input_shape"), CASES, ids=[repr(c[0])[:60] for c in CASES])
def test_every_layer_gives_the_same_outputs(
    layer: nn.Module, input_shape: tuple[int, ...], agrees: Callable[..., Any]
) -> None:
    agrees(layer, input_shape)


def test_no_layer_is_left_out() -> None:
    kinds = {n: getattr(nn, n) for n in nn.__all__}
    layers = {n for n, v in kinds.items() if isinstance(v, type) and issubclass(v, nn.Module)}
    cases = {type(layer).__name__ for layer, _ in CASES}
    assert layers - cases - layers_of(loss) == NOT_EXPORTED

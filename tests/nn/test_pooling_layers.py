"""Every pooling layer against its op, with each option somewhere not at its default."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops

WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": 1, "padding": (1, 0)},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 3, "padding": ((1, 0), (0, 1))},
]
EXTREME = [*WINDOWS, {"kernel_size": 2, "dilation": 2, "stride": (2, 1)}]
POOLS = [
    *[("MaxPool2d", ops.max_pool2d, options) for options in EXTREME],
    *[("MinPool2d", ops.min_pool2d, options) for options in EXTREME],
    *[("AvgPool2d", ops.avg_pool2d, options) for options in WINDOWS],
    ("AvgPool2d", ops.avg_pool2d, {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
    ("AvgPool2d", ops.avg_pool2d, {"kernel_size": 3, "divisor_override": 2}),
    *[("LPPool2d", ops.lp_pool2d, {"norm_type": 4, **options}) for options in WINDOWS],
    ("GlobalMaxPool2d", ops.global_max_pool2d, {}),
    ("GlobalMaxPool2d", ops.global_max_pool2d, {"keepdim": True}),
    ("GlobalMinPool2d", ops.global_min_pool2d, {}),
    ("GlobalMinPool2d", ops.global_min_pool2d, {"keepdim": True}),
    ("GlobalAvgPool2d", ops.global_avg_pool2d, {}),
    ("GlobalAvgPool2d", ops.global_avg_pool2d, {"keepdim": True}),
    ("AdaptiveAvgPool2d", ops.adaptive_avg_pool2d, {"output_size": 3}),
    ("AdaptiveAvgPool2d", ops.adaptive_avg_pool2d, {"output_size": (None, 4)}),
    ("AdaptiveMaxPool2d", ops.adaptive_max_pool2d, {"output_size": 3}),
    ("AdaptiveMaxPool2d", ops.adaptive_max_pool2d, {"output_size": (2, None)}),
]
IDS = [f"{layer} {options}" for layer, _, options in POOLS]


@pytest.fixture
def x() -> mc.Tensor:
    return mc.tensor(np.random.default_rng(0).normal(size=(2, 4, 7, 6)).astype(np.float32))


@pytest.mark.parametrize(("layer", "op", "options"), POOLS, ids=IDS)
def test_a_layer_is_its_op(x, layer, op, options):
    layer = getattr(nn, layer)(**options)
    np.testing.assert_array_equal(layer(x).data, op(x, **options).data)
    assert layer.state_dict() == {}


def test_the_layers_are_not_each_other(x):
    """One class calls the op of another through an attribute; a wrong one would be found here."""
    results = [getattr(nn, name)(2)(x).data for name in ("MaxPool2d", "MinPool2d", "AvgPool2d")]
    results += [getattr(nn, f"Adaptive{name}Pool2d")((3, 3))(x).data for name in ("Avg", "Max")]
    assert len({array.tobytes() for array in results}) == len(results)


@pytest.mark.parametrize(
    ("layer", "op"), [(nn.MaxPool2d, ops.max_pool2d), (nn.MinPool2d, ops.min_pool2d)]
)
def test_winners_are_returned_and_put_back(x, layer, op):
    y, indices = layer(3, 2, 1, return_indices=True)(x)
    expected, expected_indices = op(x, 3, 2, 1, return_indices=True)
    np.testing.assert_array_equal(y.data, expected.data)
    np.testing.assert_array_equal(indices.data, expected_indices.data)
    back = nn.MaxUnpool2d(3, 2, 1)(y, indices, output_size=(7, 6))
    expected = ops.max_unpool2d(y, indices, 3, 2, 1, (7, 6))
    np.testing.assert_array_equal(back.data, expected.data)
    y, indices = layer((2, 3), return_indices=True)(x)
    assert nn.MaxUnpool2d((2, 3))(y, indices).shape == (2, 4, 6, 6)
    y, indices = layer(3, 2, 1, return_indices=True)(x[:, :, :, :5])
    assert nn.MaxUnpool2d(3, 2, 1)(y, indices).shape == (2, 4, 7, 5)


WINDOW = "kernel_size stride padding"


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (nn.MaxPool2d, f"{WINDOW} dilation return_indices ceil_mode"),
        (nn.MinPool2d, f"{WINDOW} dilation return_indices ceil_mode"),
        (nn.MaxUnpool2d, WINDOW),
        (nn.AvgPool2d, f"{WINDOW} ceil_mode count_include_pad divisor_override"),
        (nn.LPPool2d, "norm_type kernel_size stride ceil_mode padding"),
        (nn.AdaptiveAvgPool2d, "output_size"),
        (nn.AdaptiveMaxPool2d, "output_size"),
        (nn.GlobalMaxPool2d, "keepdim"),
        (nn.GlobalMinPool2d, "keepdim"),
        (nn.GlobalAvgPool2d, "keepdim"),
    ],
)
def test_arguments_come_in_pytorchs_order(layer, names):
    assert list(inspect.signature(layer).parameters) == names.split()


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            nn.MaxPool2d(3, 2),
            "MaxPool2d(kernel_size=3, stride=2, padding=0, dilation=1, return_indices=False, "
            "ceil_mode=False)",
        ),
        (nn.AvgPool2d((2, 1)), "AvgPool2d(kernel_size=(2, 1), stride=(2, 1), padding=0, ceil_mo"),
        (nn.LPPool2d(2, 3), "LPPool2d(norm_type=2, kernel_size=3, stride=3, ceil_mode=False, "),
        (nn.MaxUnpool2d(2), "MaxUnpool2d(kernel_size=2, stride=2, padding=0)"),
        (nn.MinPool2d(2, padding="same"), "MinPool2d(kernel_size=2, stride=2, padding='same', "),
        (nn.GlobalAvgPool2d(), "GlobalAvgPool2d(keepdim=False)"),
        (nn.AdaptiveMaxPool2d((None, 2)), "AdaptiveMaxPool2d(output_size=(None, 2))"),
    ],
)
def test_repr_names_what_a_layer_was_made_with(layer, text):
    assert repr(layer).startswith(text)

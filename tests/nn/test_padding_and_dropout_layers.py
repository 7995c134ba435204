"""The padding and dropout layers against their ops, and what switches dropout off."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops

PADS = [
    (nn.ZeroPad2d, "zeros"),
    (nn.ReflectionPad2d, "reflect"),
    (nn.ReplicationPad2d, "replicate"),
    (nn.CircularPad2d, "circular"),
]
DROPOUTS = [(nn.Dropout, ops.dropout), (nn.Dropout2d, ops.dropout2d)]
dropouts = pytest.mark.parametrize(("layer", "op"), DROPOUTS)


@pytest.fixture
def x() -> mc.Tensor:
    return mc.tensor(np.random.default_rng(0).uniform(1, 2, (4, 8, 5, 6)).astype(np.float32))


@pytest.mark.parametrize("padding", [1, (2, 0), ((1, 2), (0, 3)), -1], ids=str)
@pytest.mark.parametrize(("layer", "mode"), PADS)
def test_a_padding_layer_is_pad2d_in_its_mode(x, layer, mode, padding):
    np.testing.assert_array_equal(layer(padding)(x).data, ops.pad2d(x, padding, mode).data)


@pytest.mark.parametrize("value", [7.0, -np.inf])
def test_constant_padding(x, value):
    expected = ops.pad2d(x, ((1, 2), (0, 3)), "constant", value)
    y = nn.ConstantPad2d(((1, 2), (0, 3)), value)(x)
    np.testing.assert_array_equal(y.data, expected.data)
    assert y.data[0, 0, 0, 0] == value


@pytest.mark.torch
@pytest.mark.parametrize("name", [layer.__name__ for layer, _ in PADS])
def test_pytorchs_four_numbers_in_our_order(x, torch, name):
    """What the error message tells those who come with (left, right, top, bottom)."""
    theirs = getattr(torch.nn, name)((1, 2, 3, 4))(torch.tensor(x.numpy()))
    ours = getattr(nn, name)(((3, 4), (1, 2)))(x)
    np.testing.assert_array_equal(ours.data, theirs.numpy())


@dropouts
@pytest.mark.parametrize("p", [0.25, 0.5])
def test_a_dropout_layer_is_its_op(x, layer, op, p):
    mc.manual_seed(3)
    expected = op(x, p)
    mc.manual_seed(3)
    np.testing.assert_array_equal(layer(p)(x).data, expected.data)
    assert layer().p == 0.5


@dropouts
def test_evaluation_switches_dropout_off(x, layer, op):
    model = nn.Sequential(layer(0.9))
    assert not np.array_equal(model(x).data, x.data)
    assert model.eval()(x) is x
    assert (model.train()(x).data == 0).any()
    assert copy.deepcopy(model).eval()(x) is x


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        *[(layer, "padding") for layer, _ in PADS],
        (nn.ConstantPad2d, "padding value"),
        (nn.Dropout, "p"),
        (nn.Dropout2d, "p"),
    ],
)
def test_arguments_come_in_pytorchs_order(layer, names):
    assert list(inspect.signature(layer).parameters) == names.split()


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.ZeroPad2d(2), "ZeroPad2d(padding=2)"),
        (nn.ReflectionPad2d(((1, 2), (3, 4))), "ReflectionPad2d(padding=((1, 2), (3, 4)))"),
        (nn.ConstantPad2d(1, 3), "ConstantPad2d(padding=1, value=3.0)"),
        (nn.Dropout(0.25), "Dropout(p=0.25)"),
        (nn.Dropout2d(), "Dropout2d(p=0.5)"),
    ],
)
def test_repr_names_what_a_layer_was_made_with(layer, text):
    assert repr(layer) == text


def test_nothing_to_save():
    layers = [*[layer(1) for layer, _ in PADS], nn.ConstantPad2d(1, 0), nn.Dropout()]
    assert all(layer.state_dict() == {} for layer in layers)

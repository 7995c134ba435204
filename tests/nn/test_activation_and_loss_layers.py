"""Every activation and loss as a layer against its op, with PyTorch's names of the options."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from support.layers import layers_of

import minicnn as mc
from minicnn import nn, ops

ACTIVATIONS = [
    ("ReLU", ops.relu, {}),
    ("LeakyReLU", ops.leaky_relu, {}),
    ("LeakyReLU", ops.leaky_relu, {"negative_slope": 0.3}),
    ("ELU", ops.elu, {}),
    ("ELU", ops.elu, {"alpha": 0.5}),
    ("SELU", ops.selu, {}),
    ("GELU", ops.gelu, {}),
    ("GELU", ops.gelu, {"approximate": "tanh"}),
    ("SiLU", ops.silu, {}),
    ("Softplus", ops.softplus, {}),
    ("Softplus", ops.softplus, {"beta": 2.0}),
    ("Hardtanh", ops.hardtanh, {}),
    ("Hardtanh", ops.hardtanh, {"min_val": -0.5, "max_val": 0.25}),
    ("Sigmoid", ops.sigmoid, {}),
    ("Tanh", ops.tanh, {}),
    ("ScaledTanh", ops.scaled_tanh, {}),
    ("Softmax", ops.softmax, {"axis": 0}),
    ("LogSoftmax", ops.log_softmax, {"axis": 0}),
]
WEIGHT = [0.5, 2.0, 1.5]
CLASSES, NUMBERS = np.array([2, 0]), np.array([[0.0, 1.0, 1.0], [0.25, 0.0, 0.5]])
LOSSES = [
    ("CrossEntropyLoss", ops.cross_entropy, CLASSES, {}),
    ("CrossEntropyLoss", ops.cross_entropy, CLASSES,
     {"weight": WEIGHT, "ignore_index": 0, "reduction": "sum", "label_smoothing": 0.1}),
    ("NLLLoss", ops.nll_loss, CLASSES, {}),
    ("NLLLoss", ops.nll_loss, CLASSES,
     {"weight": WEIGHT, "ignore_index": 0, "reduction": "none"}),
    ("MSELoss", ops.mse_loss, NUMBERS, {}),
    ("MSELoss", ops.mse_loss, NUMBERS, {"reduction": "none"}),
    ("L1Loss", ops.l1_loss, NUMBERS, {}),
    ("L1Loss", ops.l1_loss, NUMBERS, {"reduction": "sum"}),
    ("HuberLoss", ops.huber_loss, NUMBERS, {}),
    ("HuberLoss", ops.huber_loss, NUMBERS, {"reduction": "sum", "delta": 0.3}),
    ("BCEWithLogitsLoss", ops.binary_cross_entropy_with_logits, NUMBERS, {}),
    ("BCEWithLogitsLoss", ops.binary_cross_entropy_with_logits, NUMBERS,
     {"weight": [1.0, 2.0, 3.0], "reduction": "none", "pos_weight": WEIGHT}),
    ("MultiMarginLoss", ops.hinge_loss, CLASSES, {}),
    ("MultiMarginLoss", ops.hinge_loss, CLASSES,
     {"p": 2, "margin": 0.7, "weight": WEIGHT, "reduction": "sum"}),
]  # fmt: skip


@pytest.fixture
def x() -> mc.Tensor:
    return mc.tensor(np.random.default_rng(0).normal(size=(2, 3)))


@pytest.mark.parametrize(("name", "op", "options"), ACTIVATIONS)
def test_activations(x, name, op, options):
    layer = getattr(nn, name)(**options)
    assert list(layer.parameters()) == []
    np.testing.assert_array_equal(layer(x).data, op(x, **options).data)
    np.testing.assert_array_equal(getattr(nn, name)(*options.values())(x).data, layer(x).data)
    if options:  # they are not the defaults
        assert (layer(x).data != op(x, **defaults(layer)).data).any()


def defaults(layer):
    """The values of the options that the layer takes when nothing is said."""
    return {n: p.default for n, p in inspect.signature(type(layer)).parameters.items()}


@pytest.mark.parametrize(("name", "op", "target", "options"), LOSSES)
def test_losses(x, name, op, target, options):
    layer = getattr(nn, name)(**options)
    assert list(layer.parameters()) == []
    got = layer(x, target).data
    np.testing.assert_array_equal(got, op(x, target, **options).data)
    np.testing.assert_array_equal(getattr(nn, name)(*options.values())(x, target).data, got)
    for option, default in defaults(layer).items():
        if option in options:  # each of them counts
            others = {**options, option: default}
            assert not np.array_equal(op(x, target, **others).data, got)


def test_every_activation_and_loss_is_here():
    for module, table in ((nn.activation, ACTIVATIONS), (nn.loss, LOSSES)):
        assert layers_of(module) == {row[0] for row in table}
        assert layers_of(module) <= set(nn.__all__)


@pytest.mark.torch
@pytest.mark.parametrize("name", sorted({row[0] for row in [*ACTIVATIONS, *LOSSES]}))
def test_options_have_the_order_of_pytorch(torch, name):
    """Ours are among PyTorch's, in the same order and with the same defaults; axis is its dim."""
    if name in ("ScaledTanh", "Softmax", "LogSoftmax"):
        return
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    ours = inspect.signature(getattr(nn, name)).parameters
    assert [n for n in theirs if n in ours] == list(ours)
    assert {n: theirs[n].default for n in ours} == {n: ours[n].default for n in ours}

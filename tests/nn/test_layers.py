"""The layers with weights against their ops, with each option somewhere not at its default."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops


def named(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.fixture
def x() -> mc.Tensor:
    return mc.tensor(np.random.default_rng(0).normal(size=(2, 4, 7, 6)).astype(np.float32))


CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"stride": (1, 2), "padding": (1, 2)},
    {"padding": ((1, 0), (2, 1))},
    {"padding": "same", "stride": 3},
    {"padding": "valid"},
    {"dilation": (2, 1)},
    {"groups": 2},
    {"bias": False},
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 2, "padding_mode": "circular"},
]


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_conv2d(x, options):
    layer = nn.Conv2d(4, 6, (3, 2), **options)
    options = {name: value for name, value in options.items() if name != "bias"}
    expected = ops.conv2d(x, layer.weight, layer.bias, **options)
    np.testing.assert_array_equal(layer(x).data, expected.data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "output_padding": 1},
        {"stride": (1, 3), "padding": 1, "output_padding": (0, 2)},
        {"groups": 2},
        {"dilation": 2},
        {"bias": False},
    ],
    ids=str,
)
def test_conv_transpose2d(x, options):
    layer = nn.ConvTranspose2d(4, 6, (3, 2), **options)
    options = {name: value for name, value in options.items() if name != "bias"}
    expected = ops.conv_transpose2d(x, layer.weight, layer.bias, **options)
    np.testing.assert_array_equal(layer(x).data, expected.data)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (
            nn.Conv2d,
            "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode",
        ),
        (
            nn.ConvTranspose2d,
            "in_channels out_channels kernel_size stride padding output_padding groups bias "
            "dilation",
        ),
        (nn.Linear, "in_features out_features bias"),
    ],
)
def test_arguments_come_in_pytorchs_order(layer, names):
    assert list(inspect.signature(layer).parameters) == names.split()


@pytest.mark.parametrize(
    ("layer", "op"),
    [
        (nn.ReLU(), ops.relu),
        (nn.Sigmoid(), ops.sigmoid),
        (nn.Tanh(), ops.tanh),
        (nn.Softmax(), ops.softmax),
        (nn.Softmax(3), lambda x: ops.softmax(x, 3)),
        (nn.LogSoftmax(), ops.log_softmax),
        (nn.LogSoftmax(-2), lambda x: ops.log_softmax(x, -2)),
        (nn.Flatten(), lambda x: x.reshape(2, 168)),
        (nn.Flatten(2), lambda x: x.reshape(2, 4, 42)),
        (nn.Flatten(0), lambda x: x.reshape(-1)),
        (nn.Identity(), lambda x: x),
    ],
    ids=named,
)
def test_layers_without_parameters(x, layer, op):
    np.testing.assert_array_equal(layer(x).data, op(x).data)
    assert list(layer.parameters()) == []


@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 4, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape, bias):
    layer = nn.Linear(3, 2, bias)
    x = mc.tensor(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    expected = x.data @ layer.weight.data.T + (layer.bias.data if bias else 0)
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reduction": "sum"},
        {"reduction": "none", "label_smoothing": 0.1},
        {"ignore_index": 1},
        {"weight": np.array([1.0, 2.0, 3.0])},
    ],
    ids=str,
)
def test_cross_entropy_loss(options):
    logits, target = mc.tensor([[0.1, 2.0, -1.0], [3.0, 0.0, 1.0]]), mc.tensor([1, 2])
    loss = nn.CrossEntropyLoss(**options)(logits, target)
    np.testing.assert_array_equal(loss.data, ops.cross_entropy(logits, target, **options).data)


INITIALISED = [
    (lambda bias: nn.Linear(400, 300, bias), 400),
    (lambda bias: nn.Conv2d(8, 64, (5, 3), groups=2, bias=bias), 4 * 15),
    (lambda bias: nn.ConvTranspose2d(64, 8, (5, 3), groups=2, bias=bias), 4 * 15),
]


@pytest.mark.parametrize(("build", "fan_in"), INITIALISED, ids=["linear", "conv", "transposed"])
def test_weights_start_uniform_in_one_over_the_root_of_fan_in(build, fan_in):
    mc.manual_seed(0)
    layer, bound = build(True), 1 / math.sqrt(fan_in)
    w = layer.weight.data
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.99 * bound
    assert abs(w.mean()) < 5 * bound / math.sqrt(3 * w.size)
    assert w.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert 0 < np.abs(layer.bias.data).max() <= bound
    assert layer.bias.data.std() > 0
    assert build(False).bias is None


@pytest.mark.parametrize(("build", "fan_in"), INITIALISED, ids=["linear", "conv", "transposed"])
def test_the_same_seed_gives_the_same_weights(build, fan_in):
    def state(seed):
        mc.manual_seed(seed)
        return build(True).state_dict()

    for name, array in state(3).items():
        np.testing.assert_array_equal(array, state(3)[name])
        assert not np.array_equal(array, state(4)[name])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: nn.Linear(0, 1), "in_features: got 0"),
        (lambda: nn.Linear(1, -1), "out_features: got -1"),
        (lambda: nn.Conv2d(0, 1, 3), "in_channels: got 0"),
        (lambda: nn.Conv2d(1, 0, 3), "out_channels: got 0"),
        (lambda: nn.Conv2d(1, 1, 0), "kernel_size"),
        (lambda: nn.Conv2d(1, 1, (3, -1)), "kernel_size"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "3 input and 4 output .* 2 groups"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), "4 input and 3 output .* 2 groups"),
        (lambda: nn.Conv2d(4, 4, 3, groups=0), "groups: got 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), "padding_mode: got 'mirror'"),
        (lambda: nn.ConvTranspose2d(4, 3, 3, groups=2), "2 groups"),
        (lambda: nn.ConvTranspose2d(1, 1, 0), "kernel_size"),
    ],
)
def test_arguments_that_make_no_layer_are_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        layer()


@pytest.mark.parametrize("size", [2.0, "2", True, None])
def test_sizes_of_a_wrong_type_are_refused(size):
    with pytest.raises(TypeError, match="Linear: in_features: got .*, expected an integer"):
        nn.Linear(size, 1)
    with pytest.raises(TypeError, match="Conv2d: kernel_size: got .*, expected an integer or a p"):
        nn.Conv2d(1, 1, (size, 2))


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Linear(2, 3), "Linear(2, 3, bias=True)"),
        (
            nn.Conv2d(4, 6, 3, stride=2, padding="same", groups=2),
            "Conv2d(4, 6, kernel_size=(3, 3), stride=2, padding='same'",
        ),
        (
            nn.ConvTranspose2d(4, 6, 3, groups=2),
            "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=1, padding=0",
        ),
        (nn.ReLU(), "ReLU()"),
    ],
)
def test_repr_names_what_a_layer_was_made_with(layer, text):
    assert repr(layer).startswith(text)


def test_gradients_reach_weights_and_input(x):
    x = mc.tensor(x.data, requires_grad=True)
    model = nn.Sequential(
        nn.Conv2d(4, 3, 2, stride=2),
        nn.Tanh(),
        nn.ConvTranspose2d(3, 2, 2),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8, 2),
    )
    model(x).sum().backward()
    for tensor in (x, *model.parameters()):
        assert tensor.grad.shape == tensor.shape
        assert np.isfinite(tensor.grad.data).all()
        assert tensor.grad.data.any()

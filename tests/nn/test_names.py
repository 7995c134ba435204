"""Every layer: its messages name the class that the user wrote, not one that it inherits from."""

from __future__ import annotations

import inspect
import re
from functools import partial

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn

LAYERS = sorted(
    (
        value
        for name, value in vars(nn).items()
        if name in nn.__all__ and inspect.isclass(value) and issubclass(value, nn.Module)
    ),
    key=lambda kind: kind.__name__,
)
OPTIONS = {"num_features": 2, "normalized_shape": 2, "norm_type": 2, "value": 0.0, "size": 1}
CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)
WORDS = {
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "MultiMarginLoss": "hinge_loss",
    "L1Loss": "l1_loss",
    "NLLLoss": "nll_loss",
    "CrossEntropyLoss": "cross_entropy",
    **{pad: "pad2d" for pad in vars(nn) if pad.endswith("Pad2d")},
}


def op_of(kind: type[nn.Module]) -> str:
    """The op of a layer: AdaptiveMaxPool2d, adaptive_max_pool2d."""
    name = kind.__name__
    if name in WORDS:
        return WORDS[name]
    if name.isupper() or name in ("ReLU", "SiLU"):
        return name.lower()
    name = name.replace("ReLU", "Relu").replace("LPPool", "LpPool").replace("MSE", "Mse")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower().replace("batch_norm2d", "batch_norm")


def made(kind: type[nn.Module]) -> nn.Module:
    parameters = inspect.signature(kind).parameters.values()
    required = [p.name for p in parameters if p.default is p.empty and p.kind != p.VAR_POSITIONAL]
    return kind(**{name: OPTIONS.get(name, 1) for name in required})


@pytest.mark.parametrize("kind", LAYERS)
def test_options_that_the_class_does_not_have(kind):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}(\.__init__)?\(\) ") as caught:
        kind(nonsense=1)
    assert "nonsense" in str(caught.value) or "no arguments" in str(caught.value)
    if kind in (nn.Sequential, nn.Module):  # any number of modules, or nothing to give
        return
    with pytest.raises(TypeError, match=rf"^{kind.__name__}(\.__init__)?\(\) takes "):
        kind(*[1] * 20)


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind not in CONTAINERS])
def test_inputs_that_the_layer_does_not_take(kind):
    layer = made(kind)
    names = rf"\b({kind.__name__}|{op_of(kind)})\b"
    with pytest.raises(TypeError, match=names):
        layer()
    if kind is nn.Identity:
        return
    inputs = [np.ones(3)] * (1 + (kind.__name__.endswith("Loss") or kind is nn.MaxUnpool2d))
    with pytest.raises((TypeError, ValueError), match=names):  # an array, not a Tensor
        layer(*inputs)
    if kind.__name__.endswith(("Pool2d", "Pad2d", "Norm2d", "Unpool2d", "Norm1d")):
        with pytest.raises(ValueError, match=names):
            layer(*[mc.tensor([1.0])] * len(inputs))


@pytest.mark.parametrize("kind", [nn.Linear, nn.Conv2d, nn.ConstantPad2d, nn.LayerNorm, nn.Dropout])
def test_a_subclass_of_the_user_is_named_too(kind):
    mine = type("Mine", (kind,), {})
    given = dict.fromkeys(list(inspect.signature(kind).parameters)[:3], "x")
    with pytest.raises(TypeError, match="^Mine: "):
        mine(**(given if kind is not nn.ConstantPad2d else {"padding": 1, "value": "x"}))
    for container in (nn.Sequential, nn.ModuleList):
        with pytest.raises(TypeError, match="^Mine: 0 is a int, not a Module"):
            type("Mine", (container,), {})().append(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.MaxPool2d(2.0), "MaxPool2d: kernel_size: got 2.0"),
        (lambda: nn.MaxPool2d(2, stride="a"), "MaxPool2d: stride: got 'a'"),
        (lambda: nn.MaxPool2d(2, ceil_mode="no"), "MaxPool2d: ceil_mode: got 'no', expected True"),
        (lambda: nn.MinPool2d("a"), "MinPool2d: kernel_size: got 'a'"),
        (lambda: nn.AvgPool2d(2.5), "AvgPool2d: kernel_size: got 2.5"),
        (lambda: nn.AdaptiveMaxPool2d(-2), "AdaptiveMaxPool2d: output_size: got -2"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), "AdaptiveAvgPool2d: output_size: got"),
        (lambda: nn.LPPool2d(2, 2.0), "LPPool2d: kernel_size: got 2.0"),
        (lambda: nn.LocalResponseNorm(2.0), "LocalResponseNorm: size: got 2.0"),
        (lambda: nn.ELU(None), "ELU: alpha: got None, expected a number"),
        (lambda: nn.LeakyReLU("a"), "LeakyReLU: negative_slope: got 'a'"),
        (lambda: nn.Softmax("a"), "Softmax: axis: got 'a', expected an integer"),
        (lambda: nn.Dropout("a"), "Dropout: p: got 'a'"),
        (lambda: nn.HuberLoss(delta="a"), "HuberLoss: delta: got 'a'"),
        (lambda: nn.CrossEntropyLoss(ignore_index=1.5), "CrossEntropyLoss: ignore_index: got 1.5"),
        (lambda: nn.Conv2d(1, 1, 3, stride=1.5), "Conv2d: stride: got 1.5"),
        (lambda: nn.Conv2d(1, 1, 3, dilation=0), "Conv2d: dilation: got 0"),
        (lambda: nn.MaxPool2d(2, padding="a"), "MaxPool2d: padding: got 'a', expected 'valid' or"),
        (lambda: nn.AvgPool2d(2, padding=1.5), "AvgPool2d: padding: got 1.5"),
        (lambda: nn.Conv2d(1, 1, 3, padding="sme"), "Conv2d: padding: got 'sme'"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), "Conv2d: padding: got -1, expected 0 or more"),
        (lambda: nn.Conv2d(1, 1, 3, bias="no"), "Conv2d: bias: got 'no', expected True or False"),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, padding="same"),
            "ConvTranspose2d: padding: got 'same', expected 'valid'",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, output_padding=-1),
            "ConvTranspose2d: output_padding: got -1",
        ),
        (lambda: nn.Linear(1, 1, "no"), "Linear: bias: got 'no'"),
        (lambda: nn.LayerNorm(1, bias="no"), "LayerNorm: bias: got 'no'"),
        (
            lambda: nn.LayerNorm(1, elementwise_affine="no"),
            "LayerNorm: elementwise_affine: got 'no'",
        ),
        (lambda: nn.LayerNorm(np.ones(1)), "LayerNorm: normalized_shape: got 1.0"),
        (lambda: nn.BatchNorm2d(1, affine="no"), "BatchNorm2d: affine: got 'no'"),
        (
            lambda: nn.BatchNorm1d(1, track_running_stats="no"),
            "BatchNorm1d: track_running_stats: got 'no'",
        ),
        (lambda: nn.AdaptiveMaxPool2d(None), "AdaptiveMaxPool2d: output_size: got None"),
    ],
)
def test_options_are_checked_when_the_layer_is_made(make, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        make()


IMAGE, SCORES = mc.tensor(np.ones((1, 1, 4, 4))), mc.tensor([[1.0]])


@pytest.mark.parametrize(
    ("kind", "right", "values", "inputs"),
    [
        (nn.MSELoss, {"reduction": "sum"}, ("men", None), (SCORES, SCORES)),
        (nn.CrossEntropyLoss, {"reduction": "sum"}, ("men", 1), (SCORES, [0])),
        (nn.CrossEntropyLoss, {"label_smoothing": 1}, (-0.1, 2, "a"), (SCORES, [0])),
        (nn.HuberLoss, {"delta": 1}, (0, -1), (SCORES, SCORES)),
        (nn.GELU, {"approximate": "tanh"}, ("tan", True), (SCORES,)),
        (partial(nn.LPPool2d, kernel_size=2), {"norm_type": 1}, (0, "a"), (IMAGE,)),
        (nn.LocalResponseNorm, {"size": 1}, (0, 1.0), (IMAGE,)),
        (partial(nn.LocalResponseNorm, 1), {"k": 1}, (0, "a"), (IMAGE,)),
    ],
)
def test_a_layer_refuses_the_options_that_its_op_refuses(kind, right, values, inputs):
    (option,) = right
    for value in values:
        with pytest.raises((TypeError, ValueError)) as made:
            kind(**{option: value})
        layer = kind(**right)
        setattr(layer, option, value)
        with pytest.raises(made.type) as called:
            layer(*inputs)
        where, _, message = str(made.value).partition(": ")
        assert where == type(layer).__name__
        assert message == str(called.value).partition(": ")[2]


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (
            nn.MaxPool2d([2, 2], padding=[1, 1]),
            "kernel_size=(2, 2), stride=(2, 2), padding=((1, 1)",
        ),
        (nn.MaxPool2d(np.int64(2)), "(kernel_size=(2, 2), stride=(2, 2), padding=0"),
        (nn.AdaptiveAvgPool2d([2, None]), "(output_size=(2, None))"),
        (nn.LeakyReLU(np.float32(0.5)), "(negative_slope=0.5)"),
        (nn.Flatten(np.int64(1)), "(start_axis=1)"),
    ],
)
def test_repr_shows_options_of_any_type(layer, shown):
    assert shown in repr(layer)


def test_sizes_of_any_integer_type():
    for size in (np.int64(2), [2, 2], (np.int8(2), 2)):
        assert nn.MaxPool2d(size)(mc.tensor(np.ones((1, 1, 4, 4)))).shape == (1, 1, 2, 2)
    assert nn.LayerNorm(np.array([28, 28])).normalized_shape == (28, 28)
    assert nn.LayerNorm(np.array(28)).normalized_shape == (28,)

"""Every number of every layer, as the page computes it, against minicnn's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minicnn as mc
from minicnn import nn
from minicnn.nn.modes import evaluating
from minicnn.nn.watch import watch_calls
from minicnn.page.describe import describe_layers

from .conftest import OpenPage
from .drawn_layers import layers

IMAGES = 50
TOLERANCE = 1e-5  # of the largest number of a layer
MODELS = {
    "lenet5-mnist": lambda: mc.models.lenet5(weights="mnist"),
    "lenet5-digits": lambda: mc.models.lenet5(weights="digits"),
    "lenet5 in colours": lambda: mc.models.lenet5(num_classes=3, in_channels=3),
    "lenet5_sigmoid": mc.models.lenet5_sigmoid,
    "lenet5_sigmoid avg": lambda: mc.models.lenet5_sigmoid("avg"),
    "alexnet_mnist": mc.models.alexnet_mnist,
    "scaled_alexnet": mc.models.scaled_alexnet,
}


def layer_outputs(model: nn.Module, images: np.ndarray) -> list[np.ndarray]:
    """The output of every layer for images (N, C, H, W)."""
    with evaluating(model), watch_calls(model) as calls:
        model(mc.tensor(images))
    return [call.output.numpy() for call in calls]


def assert_same_numbers(page: OpenPage, model: nn.Module, images: np.ndarray) -> None:
    """The page computes every number of every layer as minicnn does."""
    described = describe_layers(model, images.shape[1:])
    found = page.outputs(described, images)
    last_of_layer = [not layer["name"].endswith(".padding") for layer in described]
    expected = layer_outputs(model.to(np.float64), images.astype(np.float64))
    model.to(np.float32)
    for n, values in enumerate(found):
        values = [value for value, is_last in zip(values, last_of_layer, strict=True) if is_last]
        for value, wanted in zip(values, expected, strict=True):
            size = max(np.abs(wanted[n]).max(initial=0.0), 1.0)
            np.testing.assert_allclose(value, wanted[n], rtol=0, atol=TOLERANCE * size)


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_of_the_models(any_page: OpenPage, name: str) -> None:
    mc.manual_seed(0)
    model = MODELS[name]()
    rng = np.random.default_rng(0)
    images = rng.random((IMAGES, *model.input_shape), np.float32)
    if model.input_shape[0] == 1:  # half of them digits
        digits, _ = mc.data.load("digits", "test")[: IMAGES // 2]
        images[: IMAGES // 2] = model.as_input(digits)
    assert_same_numbers(any_page, model, images)


@given(layer=layers, seed=st.integers(0, 1000))
@settings(max_examples=150)
def test_every_kind_of_layer(any_page: OpenPage, layer: nn.Module, seed: int) -> None:
    images = np.random.default_rng(seed).normal(0, 1, (2, 4, 6, 7)).astype(np.float32)
    assert_same_numbers(any_page, nn.Sequential(layer), images)

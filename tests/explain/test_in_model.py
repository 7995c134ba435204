"""explain for a layer inside a network, with the input that it receives there."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.explain import explain

IMAGES = mc.tensor(np.random.default_rng(0).random((2, 1, 28, 28), np.float32))


def test_a_layer_gets_its_input_from_the_network() -> None:
    model = mc.models.lenet5()
    inside = ops.relu(model.pool1(model.conv1(IMAGES)))
    expected = model.conv2(inside).numpy()[1, 5, 3, 4]
    for layer in ("conv2", model.conv2):
        found = explain(layer, IMAGES, 1, 5, 3, 4, model=model)
        assert found.result == pytest.approx(expected, abs=1e-5)
    assert repr(found) == repr(explain(model.conv2, inside, 1, 5, 3, 4))
    assert model.training


def test_layers_that_the_network_lacks() -> None:
    model = mc.models.lenet5()
    with pytest.raises(ValueError, match=r"explain: layer is 'conv3', expected one of conv1, "):
        explain("conv3", IMAGES, 0, 0, model=model)
    with pytest.raises(TypeError, match="got a LeNet5, .* its name and model=network"):
        explain(model, IMAGES, 0, 0)
    with pytest.raises(TypeError, match="got a Linear, expected one of Conv2d"):
        explain("fc1", IMAGES, 0, 0, model=model)

    class Idle(nn.Module):
        def __init__(self) -> None:
            self.pool = nn.MaxPool2d(2)

        def forward(self, x: mc.Tensor) -> mc.Tensor:
            return x

    with pytest.raises(ValueError, match="layer pool does not run"):
        explain("pool", IMAGES, 0, 0, model=Idle())

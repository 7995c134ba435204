"""A network with batch statistics and dropout: it learns, and its evaluation is repeatable."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.data import DataLoader
from minicnn.train import Trainer


@pytest.fixture(scope="module")
def digits():
    return mc.data.load("digits", "train"), mc.data.load("digits", "test")


@pytest.fixture
def trainer():
    mc.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MinPool2d(2),
        nn.LocalResponseNorm(3, alpha=1e-2),
        nn.Dropout2d(0.1),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.LPPool2d(2, 2),
        nn.BatchNorm2d(16, momentum=None),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64, 10),
        nn.LayerNorm(10),
    )
    return Trainer(model, mc.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))


def test_the_loss_falls_and_evaluation_is_repeatable(digits, trainer):
    train, test = digits
    history = trainer.fit(DataLoader(train, 64, shuffle=True, seed=0), 3)
    losses = history["loss"]
    assert losses[2] < losses[1] < losses[0]
    state = trainer.model.state_dict()
    batches = DataLoader(test, 128)
    first = trainer.evaluate(batches)
    assert first["accuracy"] > 0.8
    assert trainer.evaluate(batches) == first  # without chance, and from nothing that moves
    alone = trainer.evaluate(DataLoader(test, 1))  # nor does it depend on what is in the batch
    assert alone["loss"] == pytest.approx(first["loss"], rel=1e-4)
    for name, array in trainer.model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert all(module.training for module in trainer.model.modules())

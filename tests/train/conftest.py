"""A small learning problem, and a callback that records its calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.train import Callback, Trainer

COUNT = 22


class Recorder(Callback):
    """Keeps every call: (event, arguments)."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def on_fit_begin(self, trainer, epochs):
        self.calls.append(("fit_begin", trainer, epochs))

    def on_epoch_begin(self, trainer, epoch, batches):
        self.calls.append(("epoch_begin", trainer, epoch, batches))

    def on_batch_end(self, trainer, images, means):
        self.calls.append(("batch_end", trainer, images, means()))

    def on_epoch_end(self, trainer, epoch, row):
        self.calls.append(("epoch_end", trainer, epoch, dict(row)))

    @property
    def events(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray]:
    """Images (22, 1, 4, 4) whose brighter half is their class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, COUNT)
    pixels = rng.normal(size=(COUNT, 1, 4, 4)).astype(np.float32)
    pixels[np.arange(COUNT), 0, 2 * labels] += 2
    return pixels, labels


@pytest.fixture
def batches(problem) -> list[tuple[mc.Tensor, mc.Tensor]]:
    """Three batches, of 8, 8 and 6 images."""
    pixels, labels = problem
    return [
        (mc.tensor(pixels[i : i + 8]), mc.tensor(labels[i : i + 8])) for i in range(0, COUNT, 8)
    ]


@pytest.fixture
def make() -> Callable[..., Trainer]:
    """make(...): a Trainer of a small network, the same at each call."""

    def trainer(lr: float = 0.1, **options) -> Trainer:
        mc.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2))
        optimizer = mc.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        return Trainer(model, optimizer, **options)

    return trainer


@pytest.fixture
def loss_of() -> Callable[..., float]:
    def loss(model, pixels, labels) -> float:
        with mc.no_grad():
            return ops.cross_entropy(model(mc.tensor(pixels)), labels).item()

    return loss

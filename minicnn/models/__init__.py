"""Floor 4, the networks: each quotes where it comes from, layer by layer."""

from __future__ import annotations

from .alexnet import AlexNetMNIST, alexnet_mnist
from .lenet import LeNet5, LeNet5Sigmoid, lenet5, lenet5_sigmoid

__all__ = [
    "AlexNetMNIST",
    "LeNet5",
    "LeNet5Sigmoid",
    "alexnet_mnist",
    "lenet5",
    "lenet5_sigmoid",
]

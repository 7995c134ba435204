"""Floor 4, the networks: each quotes its source, layer by layer."""

from __future__ import annotations

from .alexnet import AlexNetMNIST, alexnet_mnist
from .alexnet_2012 import (
    AlexNet,
    AlexNetTorchvision,
    ScaledAlexNet,
    alexnet,
    alexnet_torchvision,
    mean_over_crops,
    scaled_alexnet,
)
from .card import ModelCard, load, save
from .classifier import ImageClassifier
from .lenet import LeNet5, LeNet5Sigmoid, lenet5, lenet5_sigmoid
from .lenet_1998 import BACKGROUND, INK, LeNet1998, lenet5_1998, map_loss
from .registry import MODELS

# fmt: off
__all__ = [
    # LeNet-5: the course's, in code and in text, and the paper's of 1998
    "LeNet5", "lenet5", "LeNet5Sigmoid", "lenet5_sigmoid",
    "LeNet1998", "lenet5_1998", "map_loss", "BACKGROUND", "INK",
    # AlexNet: the course's, the paper's of 2012, torchvision's, and one for small images
    "AlexNetMNIST", "alexnet_mnist", "AlexNet", "alexnet",
    "AlexNetTorchvision", "alexnet_torchvision", "ScaledAlexNet", "scaled_alexnet",
    "mean_over_crops",
    # all of them by name, what they share, and trained ones with what is needed to use them
    "MODELS", "ImageClassifier", "ModelCard", "load", "save",
]
# fmt: on

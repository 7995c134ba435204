"""Floor 3, layers: modules that hold parameters and call ops."""

from __future__ import annotations

from . import init
from .activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from .layers import Conv2d, ConvTranspose2d, Flatten, Identity, Linear
from .loss import CrossEntropyLoss
from .module import Module, Sequential
from .pooling import AvgPool2d, MaxPool2d
from .summary import Summary, summary

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Flatten",
    "Identity",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "Module",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Summary",
    "Tanh",
    "init",
    "summary",
]

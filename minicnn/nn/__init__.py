"""Floor 3, layers: modules that hold parameters and call ops."""

from __future__ import annotations

from . import init
from .activation import (
    ELU,
    GELU,
    SELU,
    Hardtanh,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .containers import ModuleDict, ModuleList, Sequential
from .dropout import Dropout, Dropout2d
from .layers import Conv2d, ConvTranspose2d, Flatten, Identity, Linear
from .loss import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    MultiMarginLoss,
    NLLLoss,
)
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm, LocalResponseNorm
from .padding import CircularPad2d, ConstantPad2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d
from .pooling import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    GlobalMaxPool2d,
    GlobalMinPool2d,
    LPPool2d,
    MaxPool2d,
    MaxUnpool2d,
    MinPool2d,
)
from .summary import Summary, summary

# fmt: off
__all__ = [
    "Module", "Sequential", "ModuleList", "ModuleDict", "Summary", "summary", "init",
    # with weights
    "Linear", "Conv2d", "ConvTranspose2d", "BatchNorm1d", "BatchNorm2d", "LayerNorm",
    # pooling, padding
    "MaxPool2d", "MinPool2d", "MaxUnpool2d", "AvgPool2d", "LPPool2d", "GlobalMaxPool2d",
    "GlobalMinPool2d", "GlobalAvgPool2d", "AdaptiveAvgPool2d", "AdaptiveMaxPool2d",
    "ZeroPad2d", "ConstantPad2d", "ReflectionPad2d", "ReplicationPad2d", "CircularPad2d",
    # activations
    "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Softplus", "Sigmoid", "Tanh",
    "ScaledTanh", "Hardtanh", "Softmax", "LogSoftmax",
    # others without weights
    "LocalResponseNorm", "Dropout", "Dropout2d", "Flatten", "Identity",
    # losses
    "CrossEntropyLoss", "NLLLoss", "MSELoss", "L1Loss", "HuberLoss", "BCEWithLogitsLoss",
    "MultiMarginLoss",
]
# fmt: on

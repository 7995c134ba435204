"""minicnn: convolutional networks from scratch on NumPy.

    import minicnn as mc

    model = mc.models.lenet5()
    print(mc.summary(model, (1, 28, 28)))

Floors, from the ground up: backend (how), autograd (the tape), ops (what); nn, optim, data, io and
testing; models; export and viz (imported when asked for); explain and train; cli. Each imports only
from below.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from . import data, models, nn, ops, optim, testing, train
from . import ops as functional
from ._version import __version__
from .autograd import (
    Parameter,
    Tensor,
    detect_anomaly,
    grad,
    is_grad_enabled,
    no_grad,
    tensor,
)
from .backend import DeviceError, cuda_is_available, default_device, keep_freed_memory
from .backend.random import manual_seed
from .io import load, save
from .nn import summary

__all__ = [
    "DeviceError",
    "Parameter",
    "Tensor",
    "__version__",
    "cuda_is_available",
    "data",
    "default_device",
    "detect_anomaly",
    "functional",
    "grad",
    "is_grad_enabled",
    "load",
    "manual_seed",
    "models",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "save",
    "summary",
    "tensor",
    "testing",
    "train",
]

keep_freed_memory()


def __getattr__(name: str) -> ModuleType:
    """``mc.viz``, ``mc.explain`` and ``mc.export``, imported when first asked for."""
    if name in ("explain", "export", "viz"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""minicnn: convolutional networks from scratch on NumPy.

    import minicnn as mc

    model = mc.models.lenet5()
    print(mc.summary(model, (1, 28, 28)))

Floors, from the ground up: backend (how), autograd (the graph), ops (what); nn, optim, data, io,
parallel and testing; models; export and viz (imported on first use); explain and train; cli and
page. Each imports only from the floors below.
"""

from __future__ import annotations

from .startup import catch_signals as _catch_signals

_catch_signals()  # before the rest is imported, which takes a while

from importlib import import_module
from types import ModuleType

from . import data, models, nn, ops, optim, parallel, testing, train
from . import ops as functional
from ._version import __version__
from .autograd import Parameter, Tensor, detect_anomaly, grad, is_grad_enabled, no_grad, tensor
from .backend import DeviceError, cuda_is_available, default_device
from .backend import keep_freed_memory as _keep_freed_memory
from .backend.random import manual_seed
from .io import load, save
from .nn import summary

# fmt: off
__all__ = [
    # tensors and gradients
    "Parameter", "Tensor", "detect_anomaly", "grad", "is_grad_enabled", "no_grad", "tensor",
    # devices and random numbers
    "DeviceError", "cuda_is_available", "default_device", "manual_seed",
    # files, summaries
    "load", "save", "summary",
    # packages
    "data", "functional", "models", "nn", "ops", "optim", "parallel", "testing", "train",
    "__version__",
]
# fmt: on

_keep_freed_memory()


def __getattr__(name: str) -> ModuleType:
    """``mc.viz``, ``mc.explain``, ``mc.export`` and ``mc.page``, imported on first use."""
    if name in ("explain", "export", "page", "viz"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Floor 1, the tape: Tensor, Function and the walk back along the graph. No op is defined here."""

from __future__ import annotations

from .engine import backward, grad
from .function import Function
from .modes import detect_anomaly, is_grad_enabled, no_grad
from .tensor import Parameter, Tensor, tensor

__all__ = [
    "Function",
    "Parameter",
    "Tensor",
    "backward",
    "detect_anomaly",
    "grad",
    "is_grad_enabled",
    "no_grad",
    "tensor",
]

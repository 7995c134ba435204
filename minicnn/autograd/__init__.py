"""Floor 1, autograd: Tensor, Function and the walk back along the graph. No op is defined here."""

from __future__ import annotations

from .create import tensor
from .engine import backward, grad
from .function import Call, Function
from .modes import is_grad_enabled, no_grad
from .observe import Observer, detect_anomaly, observing
from .tensor import Parameter, Tensor

# fmt: off
__all__ = [
    "Call", "Function", "Observer", "Parameter", "Tensor", "backward", "detect_anomaly", "grad",
    "is_grad_enabled", "no_grad", "observing", "tensor",
]
# fmt: on

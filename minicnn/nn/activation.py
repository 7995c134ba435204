"""The activations as layers."""

from __future__ import annotations

from .. import ops
from ..autograd import Tensor
from .module import Module


class ReLU(Module):
    """max(x, 0), see ``ops.relu``."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class LeakyReLU(Module):
    """max(x, 0) + negative_slope · min(x, 0), see ``ops.leaky_relu``."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return ops.leaky_relu(x, self.negative_slope)


class ELU(Module):
    """x, or alpha · (e ** x - 1) where x < 0, see ``ops.elu``."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return ops.elu(x, self.alpha)


class SELU(Module):
    """ELU that keeps mean 0 and variance 1, see ``ops.selu``."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.selu(x)


class GELU(Module):
    """x times the normal distribution function of x, see ``ops.gelu``."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return ops.gelu(x, self.approximate)


class SiLU(Module):
    """x · sigmoid(x), see ``ops.silu``."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.silu(x)


class Softplus(Module):
    """log(1 + e ** (beta · x)) / beta, see ``ops.softplus``."""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        return ops.softplus(x, self.beta)


class Sigmoid(Module):
    """1 / (1 + e ** -x), see ``ops.sigmoid``."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, see ``ops.tanh``."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x)


class ScaledTanh(Module):
    """1.7159 · tanh(2x/3), see ``ops.scaled_tanh``."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.scaled_tanh(x)


class Hardtanh(Module):
    """x cut at min_val and max_val, see ``ops.hardtanh``."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Tensor) -> Tensor:
        return ops.hardtanh(x, self.min_val, self.max_val)


class Softmax(Module):
    """Probabilities along an axis, see ``ops.softmax``."""

    def __init__(self, axis: int = 1) -> None:
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return ops.softmax(x, self.axis)


class LogSoftmax(Module):
    """The logarithm of the probabilities along an axis, see ``ops.log_softmax``."""

    def __init__(self, axis: int = 1) -> None:
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return ops.log_softmax(x, self.axis)

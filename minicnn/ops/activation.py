"""Activations, element by element: what makes a network more than one linear map."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module, kernels_for
from ..checks import check_choice, check_number
from .arithmetic import exp
from .check import check_tensor
from .convert import as_float, in_float32
from .elementwise import Elementwise
from .select import clip, keep


class ReLU(Elementwise):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return kernels_for(x).relu(x)

    def backward(self, grad: Tensor) -> Tensor:
        return relu_grad(grad, self.output.detach())


class ReLUGrad(Elementwise):
    """x where y is not 0, 0 elsewhere; it has no gradient to y."""

    def forward(self, x: Array, y: Array) -> Array:
        return kernels_for(x).relu_grad(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        return relu_grad(grad, self.inputs[1]), None


relu_grad = in_float32(ReLUGrad.apply)


def relu(x: Tensor) -> Tensor:
    """``max(x, 0)``; its gradient is 1 where x > 0 or NaN, else 0 (Nair and Hinton, 2010).

    >>> mc.ops.relu(mc.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return ReLU.apply(x)


class LeakyReLU(Elementwise):
    def forward(self, x: Array, *, negative_slope: float) -> Array:
        xp = array_module(x)
        return xp.maximum(x, 0) + negative_slope * xp.minimum(x, 0)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        positive = x.data > 0
        return keep(grad, positive) + keep(self.options["negative_slope"] * grad, ~positive)


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``max(x, 0) + negative_slope * min(x, 0)``; its gradient at 0 is negative_slope.

    Maas et al., 2013. Raises TypeError when negative_slope is not a number.

    >>> mc.ops.leaky_relu(mc.tensor([-2.0, 0.0, 2.0]), 0.25)
    tensor([-0.5,  0. ,  2. ])
    """
    slope = check_number("leaky_relu: negative_slope", negative_slope)
    return LeakyReLU.apply(as_float("leaky_relu", x), negative_slope=slope)


class ELU(Elementwise):
    def forward(self, x: Array, *, alpha: float) -> Array:
        xp = array_module(x)
        return xp.maximum(x, 0) + alpha * xp.expm1(xp.minimum(x, 0))

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        below = x.data <= 0  # not NaN
        slope = self.options["alpha"] * exp(-relu(-x))  # e ** x could overflow where it is unused
        return keep(grad, ~below) + keep(grad * slope, below)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``max(x, 0) + alpha * (e ** min(x, 0) - 1)``; at 0 its gradient is alpha, its second one 0.

    Clevert et al., 2016. Raises TypeError when alpha is not a number.

    >>> mc.ops.elu(mc.tensor([-1.0, 0.0, 1.0])).numpy().round(3)
    array([-0.632,  0.   ,  1.   ], dtype=float32)
    """
    return ELU.apply(as_float("elu", x), alpha=check_number("elu: alpha", alpha))


def selu(x: Tensor) -> Tensor:
    """``scale * elu(x, alpha)`` with scale = 1.0507 and alpha = 1.6733.

    With these two numbers activations keep mean 0 and variance 1 from layer to layer (Klambauer et
    al., 2017).

    >>> mc.ops.selu(mc.tensor([-1.0, 0.0, 1.0])).numpy().round(3)
    array([-1.111,  0.   ,  1.051], dtype=float32)
    """
    return 1.0507009873554805 * elu(as_float("selu", x), 1.6732632423543772)


class Sigmoid(Elementwise):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return kernels_for(x).sigmoid(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * (y * (1 - y))


@in_float32
def sigmoid(x: Tensor) -> Tensor:
    """``1 / (1 + e ** -x)``; its gradient is y·(1 - y), at most 1/4.

    >>> mc.ops.sigmoid(mc.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0. , 0.5, 1. ])
    """
    return Sigmoid.apply(as_float("sigmoid", x))


class SiLU(Elementwise):
    FLAT = 1000.0
    """Beyond it the slope is 0 or 1 even in float64; a larger x times that 0 could overflow."""

    def forward(self, x: Array) -> Array:
        return array_module(x).maximum(x, -self.FLAT) * kernels_for(x).sigmoid(x)

    def backward(self, grad: Tensor) -> Tensor:
        x = clip(self.inputs[0], -self.FLAT, self.FLAT)
        s = sigmoid(x)
        return grad * (s + x * (s * (1 - s)))


@in_float32
def silu(x: Tensor) -> Tensor:
    """``x * sigmoid(x)``, also called swish (Elfwing et al., 2018).

    >>> mc.ops.silu(mc.tensor([-1.0, 0.0, 1.0])).numpy().round(3)
    array([-0.269,  0.   ,  0.731], dtype=float32)
    """
    return SiLU.apply(as_float("silu", x))


class GELU(Elementwise):
    def forward(self, x: Array) -> Array:
        return kernels_for(x).gelu(x)

    def backward(self, grad: Tensor) -> Tensor:
        return GELUGrad.apply(grad, *self.inputs)


class GELUGrad(Elementwise):
    """grad · slope(x): slope' = φ(x)·(2 - x²), with the normal density φ."""

    def forward(self, grad: Array, x: Array) -> Array:
        return kernels_for(x).gelu_grad(grad, x)

    def backward(self, v: Tensor) -> tuple[Tensor | None, ...]:
        grad, x = self.inputs
        to_x: Tensor | None = None
        if self.needs_grad[1]:
            a = clip(x, -GELUTanh.FLAT, GELUTanh.FLAT)
            density = exp(-0.5 * (a * a)) * (1 / math.sqrt(2 * math.pi))
            to_x = v * grad * (density * (2 - a * a))
        return GELUGrad.apply(v, x) if self.needs_grad[0] else None, to_x


class GELUTanh(Elementwise):
    """x · sigmoid(2u), which equals the formula since 1 + tanh(u) = 2 · sigmoid(2u)."""

    FLAT = 40.0
    """Beyond it the slope is 0 or 1 even in float64; a larger x squared could overflow."""
    LINEAR = 2 * math.sqrt(2 / math.pi)
    CUBIC = 0.044715 * LINEAR

    def forward(self, x: Array) -> Array:
        xp = array_module(x)
        s = kernels_for(x).sigmoid(self._twice_u(xp.clip(x, -self.FLAT, self.FLAT)))
        return xp.maximum(x, -self.FLAT) * s

    def backward(self, grad: Tensor) -> Tensor:
        x = clip(self.inputs[0], -self.FLAT, self.FLAT)
        s = sigmoid(self._twice_u(x))
        return grad * (s + x * (s * (1 - s)) * (self.LINEAR + 3 * self.CUBIC * (x * x)))

    def _twice_u(self, x: Any) -> Any:
        return x * (self.LINEAR + self.CUBIC * (x * x))


@in_float32
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """``x * P(Z <= x)`` for a standard normal Z: x·(1 + erf(x / sqrt 2))/2.

    approximate = "tanh" is x·(1 + tanh u)/2 with u = sqrt(2/π)·(x + 0.044715·x³) instead, within
    0.0005 of it (Hendrycks and Gimpel, 2016). Raises ValueError for other names.

    >>> mc.ops.gelu(mc.tensor([-1.0, 0.0, 1.0])).numpy().round(3)
    array([-0.159,  0.   ,  0.841], dtype=float32)
    """
    x = as_float("gelu", x)
    check_choice("gelu: approximate", approximate, ("none", "tanh"))
    return GELU.apply(x) if approximate == "none" else GELUTanh.apply(x)


class Softplus(Elementwise):
    FLAT = 1000.0
    """Beyond it, as beta · x, the slope is 0 or 1 even in float64."""

    def forward(self, x: Array, *, beta: float) -> Array:
        xp = array_module(x)
        size = xp.minimum(xp.abs(x), self._limit(x))
        return xp.maximum(x, 0) + xp.log1p(xp.exp(-beta * size)) / beta

    def backward(self, grad: Tensor) -> Tensor:
        (x,), limit = self.inputs, self._limit(self.inputs[0])
        return grad * sigmoid(self.options["beta"] * clip(x, -limit, limit))

    def _limit(self, x: Any) -> float:
        """Where it becomes flat; a larger x times beta could overflow."""
        return min(self.FLAT / self.options["beta"], float(np.finfo(x.dtype).max))


def softplus(x: Tensor, beta: float = 1.0) -> Tensor:
    """``log(1 + e ** (beta * x)) / beta``, a smooth relu; its gradient is sigmoid(beta·x).

    Computed as max(x, 0) + log1p(e ** -|beta·x|) / beta, which is exact for every x.
    PyTorch takes x itself where z > 20, which differs by at most 2.1e-9 / beta. Dugas et al., 2001.
    Raises ValueError unless beta is positive and finite.

    >>> mc.ops.softplus(mc.tensor([-100.0, 0.0, 100.0])).numpy().round(3)
    array([  0.   ,   0.693, 100.   ], dtype=float32)
    """
    beta = check_number("softplus: beta", beta, "a number above 0")
    return Softplus.apply(as_float("softplus", x), beta=beta)


class Tanh(Elementwise):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).tanh(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * (1 - y * y)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; its gradient is 1 - y².

    >>> mc.ops.tanh(mc.tensor([-1.0, 0.0, 1.0])).numpy().round(3)
    array([-0.762,  0.   ,  0.762], dtype=float32)
    """
    return Tanh.apply(as_float("tanh", x))


def scaled_tanh(x: Tensor) -> Tensor:
    """``1.7159 * tanh(2x/3)``: 1 at x = 1 and -1 at x = -1, steep there (LeCun et al., 1998).

    >>> mc.ops.scaled_tanh(mc.tensor([-1.0, 0.0, 1.0])).numpy().round(3)
    array([-1.,  0.,  1.], dtype=float32)
    """
    return 1.7159 * tanh(as_float("scaled_tanh", x) * (2 / 3))


class Hardtanh(Elementwise):
    keeps = "output"

    def forward(self, x: Array, *, low: float, high: float) -> Array:
        # In the dtype of x, so that backward finds exactly these values in y.
        self.low, self.high = x.dtype.type(low), x.dtype.type(high)
        return array_module(x).clip(x, self.low, self.high)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output.data
        return keep(grad, (y != self.low) & (y != self.high))


def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``min(max(x, min_val), max_val)``; its gradient at the limits is 0, that of ``clip`` is 1.

    Raises ValueError unless min_val is below max_val.

    >>> mc.ops.hardtanh(mc.tensor([-3.0, 0.5, 3.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    check_tensor("hardtanh", x=x)
    low = check_number("hardtanh: min_val", min_val)
    high = check_number("hardtanh: max_val", max_val)
    if not low < high:
        raise ValueError(f"hardtanh: min_val {low} is not below max_val {high}")
    return Hardtanh.apply(as_float("hardtanh", x), low=low, high=high)

"""The activations as layers, each with the options of its op."""

from __future__ import annotations

from dataclasses import dataclass

from .. import ops
from .op_layer import OpLayer


@dataclass(eq=False, repr=False)
class ReLU(OpLayer):
    """max(x, 0), see ``ops.relu``.

    >>> mc.nn.ReLU()(mc.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    op = staticmethod(ops.relu)


@dataclass(eq=False, repr=False)
class LeakyReLU(OpLayer):
    """max(x, 0) + negative_slope · min(x, 0), see ``ops.leaky_relu``.

    >>> mc.nn.LeakyReLU(0.1)(mc.tensor([-1.0, 2.0]))
    tensor([-0.1,  2. ])
    """

    op = staticmethod(ops.leaky_relu)
    negative_slope: float = 0.01


@dataclass(eq=False, repr=False)
class ELU(OpLayer):
    """x, or alpha · (e ** x - 1) where x < 0, see ``ops.elu``.

    >>> mc.nn.ELU(0.5)(mc.tensor([-100.0, 2.0]))
    tensor([-0.5,  2. ])
    """

    op = staticmethod(ops.elu)
    alpha: float = 1.0


@dataclass(eq=False, repr=False)
class SELU(OpLayer):
    """ELU that keeps mean 0 and variance 1, see ``ops.selu``.

    >>> mc.nn.SELU()(mc.tensor([0.0, 1.0]))
    tensor([0.     , 1.050701])
    """

    op = staticmethod(ops.selu)


@dataclass(eq=False, repr=False)
class GELU(OpLayer):
    """x times the normal distribution function of x, see ``ops.gelu``.

    >>> mc.nn.GELU()(mc.tensor([-10.0, 0.0, 10.0]))
    tensor([-0.,  0., 10.])
    """

    op = staticmethod(ops.gelu)
    approximate: str = "none"


@dataclass(eq=False, repr=False)
class SiLU(OpLayer):
    """x · sigmoid(x), see ``ops.silu``.

    >>> mc.nn.SiLU()(mc.tensor([0.0, 100.0]))
    tensor([  0., 100.])
    """

    op = staticmethod(ops.silu)


@dataclass(eq=False, repr=False)
class Softplus(OpLayer):
    """log(1 + e ** (beta · x)) / beta, see ``ops.softplus``.

    >>> mc.nn.Softplus()(mc.tensor([0.0, 100.0]))  # log 2 at 0
    tensor([  0.6931472, 100.       ])
    """

    op = staticmethod(ops.softplus)
    beta: float = 1.0


@dataclass(eq=False, repr=False)
class Sigmoid(OpLayer):
    """1 / (1 + e ** -x), see ``ops.sigmoid``.

    >>> mc.nn.Sigmoid()(mc.tensor([0.0, 100.0]))
    tensor([0.5, 1. ])
    """

    op = staticmethod(ops.sigmoid)


@dataclass(eq=False, repr=False)
class Tanh(OpLayer):
    """The hyperbolic tangent, see ``ops.tanh``.

    >>> mc.nn.Tanh()(mc.tensor([-100.0, 0.0]))
    tensor([-1.,  0.])
    """

    op = staticmethod(ops.tanh)


@dataclass(eq=False, repr=False)
class ScaledTanh(OpLayer):
    """1.7159 · tanh(2x/3), see ``ops.scaled_tanh``.

    >>> mc.nn.ScaledTanh()(mc.tensor([0.0, 100.0]))
    tensor([0.    , 1.7159])
    """

    op = staticmethod(ops.scaled_tanh)


@dataclass(eq=False, repr=False)
class Hardtanh(OpLayer):
    """x limited to min_val and max_val, see ``ops.hardtanh``.

    >>> mc.nn.Hardtanh()(mc.tensor([-3.0, 0.5]))
    tensor([-1. ,  0.5])
    """

    op = staticmethod(ops.hardtanh)
    min_val: float = -1.0
    max_val: float = 1.0


@dataclass(eq=False, repr=False)
class Softmax(OpLayer):
    """Probabilities along an axis, see ``ops.softmax``.

    >>> mc.nn.Softmax()(mc.tensor([[3.0, 3.0]]))
    tensor([[0.5, 0.5]])
    """

    op = staticmethod(ops.softmax)
    axis: int = 1


@dataclass(eq=False, repr=False)
class LogSoftmax(OpLayer):
    """The logarithm of the probabilities along an axis, see ``ops.log_softmax``.

    >>> mc.nn.LogSoftmax()(mc.tensor([[0.0, -1000.0]]))
    tensor([[    0., -1000.]])
    """

    op = staticmethod(ops.log_softmax)
    axis: int = 1

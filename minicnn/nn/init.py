"""Initial weights. Every function fills a tensor in place and returns it (PyTorch's names).

fan_in and fan_out are the numbers of inputs and outputs that one weight connects: for a dense
weight (outputs, inputs) these two, for a convolution (O, C/groups, KH, KW) C/groups·KH·KW and
O·KH·KW. The same seed (``minicnn.manual_seed``) gives the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..autograd import Tensor
from ..autograd.in_place import write_into
from ..backend import to_device
from ..backend.random import generator
from ..checks import check_choice


@contextmanager
def skip_init() -> Iterator[None]:
    """A context in which the functions here leave a tensor as it is.

    A network whose weights come from a file is made faster, and zeros that nobody writes into take
    no memory: so the file may first be compared with a network that is too large.
    """
    before = _skips.set(True)
    try:
        yield
    finally:
        _skips.reset(before)


_skips = ContextVar("skip_init", default=False)


def constant_(x: Tensor, value: float) -> Tensor:
    """Every element the same value."""
    if not _skips.get():
        write_into(x, value, "nn.init.constant_()")
    return x


def zeros_(x: Tensor) -> Tensor:
    """Every element 0."""
    return constant_(x, 0.0)


def ones_(x: Tensor) -> Tensor:
    """Every element 1."""
    return constant_(x, 1.0)


def uniform_(x: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform in [low, high)."""
    if not _skips.get():
        drawn = to_device(generator().uniform(low, high, x.shape), x.device)
        write_into(x, drawn, "nn.init.uniform_()")
    return x


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal with this mean and standard deviation."""
    if not _skips.get():
        drawn = to_device(generator().normal(mean, std, x.shape), x.device)
        write_into(x, drawn, "nn.init.normal_()")
    return x


def xavier_uniform_(x: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform in ±gain·sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    return _uniform_with_std(x, gain * math.sqrt(2 / sum(fans(x))))


def xavier_normal_(x: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with std gain·sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    return normal_(x, 0.0, gain * math.sqrt(2 / sum(fans(x))))


def kaiming_uniform_(
    x: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Uniform with standard deviation gain / sqrt(fan) (He et al., 2015), see ``gain``."""
    return _uniform_with_std(x, gain(nonlinearity, a) / math.sqrt(_fan(x, mode)))


def kaiming_normal_(
    x: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan) (He et al., 2015), see ``gain``."""
    return normal_(x, 0.0, gain(nonlinearity, a) / math.sqrt(_fan(x, mode)))


def lecun_uniform_(x: Tensor) -> Tensor:
    """Uniform with standard deviation 1 / sqrt(fan_in) (LeCun et al., 1998, Efficient BackProp)."""
    return _uniform_with_std(x, 1 / math.sqrt(_fan(x, "fan_in")))


def lecun_normal_(x: Tensor) -> Tensor:
    """Normal with standard deviation 1 / sqrt(fan_in) (LeCun et al., 1998, Efficient BackProp)."""
    return normal_(x, 0.0, 1 / math.sqrt(_fan(x, "fan_in")))


def gain(nonlinearity: str, a: float = 0.0) -> float:
    """The factor that preserves the size of activations; a is the slope of leaky_relu.

    Raises ValueError for an unknown name.
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + a * a)),
        "selu": 3 / 4,
    }
    return gains[check_choice("nonlinearity", nonlinearity, gains)]


def fans(x: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight. Raises ValueError for fewer than two axes or no elements."""
    if x.ndim < 2 or x.size == 0:
        raise ValueError(f"init: a weight of shape {x.shape} has no fan_in and fan_out")
    receptive = math.prod(x.shape[2:])
    return x.shape[1] * receptive, x.shape[0] * receptive


def _fan(x: Tensor, mode: str) -> int:
    return fans(x)[check_choice("mode", mode, ("fan_in", "fan_out")) == "fan_out"]


def _uniform_with_std(x: Tensor, std: float) -> Tensor:
    bound = math.sqrt(3) * std  # a uniform distribution in ±b has standard deviation b / sqrt(3)
    return uniform_(x, -bound, bound)

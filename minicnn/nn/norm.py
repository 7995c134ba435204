"""The normalisation layers: they hold their weights and the statistics of past batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import ops
from ..autograd import Parameter, Tensor
from ..checks import check_flag, check_integer, check_number
from ..ops.check import check_tensor
from .module import Module
from .op_layer import OpLayer
from .parameters import filled


@dataclass(eq=False, repr=False)
class BatchNorm2d(Module):
    """Batch normalisation of images (N, num_features, H, W), see ``ops.batch_norm``.

    In training the statistics are those of the batch, in evaluation the running ones:
    running = (1 - momentum)·running + momentum·batch, or with momentum=None the mean over all
    batches so far. affine: learn weight (starts as 1) and bias (0). track_running_stats=False: use
    those of the batch in evaluation too.

    >>> layer = mc.nn.BatchNorm2d(1)
    >>> y = layer(mc.tensor([[[[1.0, 3.0]]]]))
    >>> y.data.round(2), layer.running_mean.data  # 0.1 · the mean of the batch
    (array([[[[-1.,  1.]]]], dtype=float32), array([0.2], dtype=float32))
    """

    shapes: ClassVar[dict[int, str]] = {4: "(N, C, H, W)"}
    num_features: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True

    def __post_init__(self) -> None:
        name = type(self).__name__
        self.num_features = check_integer(f"{name}: num_features", self.num_features, least=1)
        self.eps = check_number(f"{name}: eps", self.eps, "a number above 0")
        if self.momentum is not None:
            self.momentum = check_number(f"{name}: momentum", self.momentum, "a number from 0 to 1")
        check_flag(f"{name}: affine", self.affine)
        check_flag(f"{name}: track_running_stats", self.track_running_stats)
        shape = (self.num_features,)
        self.weight = Parameter(filled(shape, 1.0)) if self.affine else None
        self.bias = Parameter(filled(shape, 0.0)) if self.affine else None
        self.running_mean: Tensor | None = None
        self.running_var: Tensor | None = None
        self.num_batches_tracked: Tensor | None = None
        if self.track_running_stats:
            self.register_buffer("running_mean", filled(shape, 0.0))
            self.register_buffer("running_var", filled(shape, 1.0))
            self.register_buffer("num_batches_tracked", filled((), 0, np.int64))

    def forward(self, x: Tensor) -> Tensor:
        check_tensor(type(self).__name__, x=x)
        if x.ndim not in self.shapes:
            expected = " or ".join(self.shapes.values())
            raise ValueError(f"{type(self).__name__}: x has shape {x.shape}, expected {expected}")
        return ops.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
            self.num_batches_tracked,
        )

    def _would_fit(self, *inputs: Any) -> str:
        shape = inputs[0].shape if inputs and isinstance(inputs[0], Tensor) else ()
        differs = len(shape) in self.shapes and shape[1] != self.num_features
        more = self._changed(eps=1e-5, momentum=0.1, affine=True, track_running_stats=True)
        return f"{type(self).__name__}({shape[1]}{more})" if differs else ""


@dataclass(eq=False, repr=False)
class BatchNorm1d(BatchNorm2d):
    """Batch normalisation of features (N, num_features) or sequences (N, num_features, L).

    Arguments as in ``BatchNorm2d``.

    >>> mc.nn.BatchNorm1d(2)(mc.tensor([[1.0, 5.0], [3.0, 5.0]])).data.round(2)
    array([[-1.,  0.], [ 1.,  0.]], dtype=float32)
    """

    shapes: ClassVar[dict[int, str]] = {2: "(N, C)", 3: "(N, C, L)"}


class LayerNorm(Module):
    """Layer normalisation over the last axes, see ``ops.layer_norm``.

    elementwise_affine: learn weight (starts as 1) and bias (0), both of shape normalized_shape.

    >>> mc.nn.LayerNorm(2)(mc.tensor([[1.0, 3.0], [10.0, 50.0]])).data.round(2)
    array([[-1.,  1.], [-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        given, name = normalized_shape, type(self).__name__
        given = given.tolist() if isinstance(given, np.ndarray) else given
        shape = tuple(given) if isinstance(given, Sequence) else (given,)
        if not shape:
            raise ValueError(f"{name}: normalized_shape is empty, expected one axis or more")
        shape = tuple([check_integer(f"{name}: normalized_shape", n, least=1) for n in shape])
        self.normalized_shape = shape
        self.eps = check_number(f"{name}: eps", eps, "a number above 0")
        check_flag(f"{name}: bias", bias)
        self.elementwise_affine = check_flag(f"{name}: elementwise_affine", elementwise_affine)
        self.weight = Parameter(filled(shape, 1.0)) if elementwise_affine else None
        self.bias = Parameter(filled(shape, 0.0)) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def _would_fit(self, *inputs: Any) -> str:
        shape = inputs[0].shape if inputs and isinstance(inputs[0], Tensor) else ()
        last = shape[-len(self.normalized_shape) :]
        differs = len(shape) > len(last) and last != self.normalized_shape
        more = self._changed(eps=1e-5, elementwise_affine=True)
        shown = f"{last if len(last) > 1 else last[0]}{more}"
        return f"{type(self).__name__}({shown})" if differs else ""


@dataclass(eq=False, repr=False)
class LocalResponseNorm(OpLayer):
    """Division by the activity of neighbouring channels, see ``ops.local_response_norm``.

    >>> layer = mc.nn.LocalResponseNorm(1, alpha=3.0, beta=0.5)  # x / sqrt(1 + 3 x²)
    >>> layer(mc.tensor(np.ones((1, 4, 1, 1)))).data.ravel()
    array([0.5, 0.5, 0.5, 0.5])
    """

    op = staticmethod(ops.local_response_norm)
    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

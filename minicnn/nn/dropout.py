"""The dropout layers, which act only in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import ops
from ..checks import check_number
from .op_layer import OpLayer


@dataclass(eq=False, repr=False)
class Dropout(OpLayer):
    """Each element 0 with probability p while training, see ``ops.dropout``.

    >>> layer, ones = mc.nn.Dropout(0.5), mc.tensor(np.ones(6))
    >>> layer(ones)
    tensor([2., 0., 0., 0., 2., 2.], dtype=float64)
    >>> layer.eval()(ones)
    tensor([1., 1., 1., 1., 1., 1.], dtype=float64)
    """

    op = staticmethod(ops.dropout)
    p: float = 0.5

    def __post_init__(self) -> None:
        self.p = check_number(f"{type(self).__name__}: p", self.p, "a number from 0 to 1")

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return super().forward(*inputs, training=self.training, **options)


@dataclass(eq=False, repr=False)
class Dropout2d(Dropout):
    """Each map 0 as a whole with probability p while training, see ``ops.dropout2d``.

    >>> maps = mc.nn.Dropout2d(0.5)(mc.tensor(np.ones((1, 6, 1, 2))))
    >>> maps.data[0, :, 0].tolist()
    [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0]]
    """

    op = staticmethod(ops.dropout2d)

"""The dropout layers, which do something in training alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .. import ops
from ..autograd import Tensor
from ..checks import check_number
from .module import Module


class Dropout(Module):
    """Each element 0 with probability p while training, see ``ops.dropout``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.dropout)

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_number(f"{type(self).__name__}: p", p, "a number from 0 to 1")

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x, self.p, self.training)


class Dropout2d(Dropout):
    """Each map 0 as a whole with probability p while training, see ``ops.dropout2d``."""

    op: ClassVar[Callable[..., Any]] = staticmethod(ops.dropout2d)

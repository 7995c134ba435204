"""The losses as layers: called with outputs and target."""

from __future__ import annotations

from dataclasses import dataclass

from .. import ops
from ..ops.convert import TensorLike
from .op_layer import OpLayer


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(OpLayer):
    """The loss of a softmax classifier, ``loss(logits, target)``, see ``ops.cross_entropy``.

    >>> loss = mc.nn.CrossEntropyLoss()
    >>> loss(mc.tensor([[0.0, 100.0]]), [0])
    tensor(100.)
    """

    op = staticmethod(ops.cross_entropy)
    weight: TensorLike | None = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float = 0.0


@dataclass(eq=False, repr=False)
class NLLLoss(OpLayer):
    """The loss of log-probabilities, ``loss(log_probs, target)``, see ``ops.nll_loss``.

    >>> loss = mc.nn.NLLLoss()
    >>> loss(mc.tensor([[-2.0, -0.5]]), [0])
    tensor(2.)
    """

    op = staticmethod(ops.nll_loss)
    weight: TensorLike | None = None
    ignore_index: int = -100
    reduction: str = "mean"


@dataclass(eq=False, repr=False)
class MSELoss(OpLayer):
    """The squared error, see ``ops.mse_loss``.

    >>> mc.nn.MSELoss()(mc.tensor([1.0, 5.0]), [1.0, 2.0])
    tensor(4.5)
    """

    op = staticmethod(ops.mse_loss)
    reduction: str = "mean"


@dataclass(eq=False, repr=False)
class L1Loss(OpLayer):
    """The absolute error, see ``ops.l1_loss``.

    >>> mc.nn.L1Loss()(mc.tensor([1.0, 5.0]), [1.0, 2.0])
    tensor(1.5)
    """

    op = staticmethod(ops.l1_loss)
    reduction: str = "mean"


@dataclass(eq=False, repr=False)
class HuberLoss(OpLayer):
    """Squared near 0, absolute beyond delta, see ``ops.huber_loss``.

    >>> mc.nn.HuberLoss()(mc.tensor([5.0]), [2.0])  # delta · (|x - t| - delta / 2)
    tensor(2.5)
    """

    op = staticmethod(ops.huber_loss)
    reduction: str = "mean"
    delta: float = 1.0


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(OpLayer):
    """The loss of yes-or-no answers, see ``ops.binary_cross_entropy_with_logits``.

    >>> mc.nn.BCEWithLogitsLoss()(mc.tensor([100.0, -100.0]), [1.0, 1.0])
    tensor(50.)
    """

    op = staticmethod(ops.binary_cross_entropy_with_logits)
    weight: TensorLike | None = None
    reduction: str = "mean"
    pos_weight: TensorLike | None = None


@dataclass(eq=False, repr=False)
class MultiMarginLoss(OpLayer):
    """The multi-class hinge loss, ``loss(logits, target)``, see ``ops.hinge_loss``.

    >>> mc.nn.MultiMarginLoss()(mc.tensor([[2.0, 1.5]]), [0])  # (1 - 2 + 1.5) / 2
    tensor(0.25)
    """

    op = staticmethod(ops.hinge_loss)
    p: int = 1
    margin: float = 1.0
    weight: TensorLike | None = None
    reduction: str = "mean"

"""The losses as layers: called with outputs and target."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import Module


class CrossEntropyLoss(Module):
    """The loss of a softmax classifier, ``loss(logits, target)``, see ``ops.cross_entropy``."""

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.class_weight, self.ignore_index = weight, ignore_index
        self.reduction, self.label_smoothing = reduction, label_smoothing

    def forward(self, logits: Tensor, target: Any) -> Tensor:
        return ops.cross_entropy(
            logits,
            target,
            self.reduction,
            self.label_smoothing,
            self.ignore_index,
            self.class_weight,
        )


class NLLLoss(Module):
    """The loss of log-probabilities, ``loss(log_probs, target)``, see ``ops.nll_loss``."""

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        self.class_weight, self.ignore_index, self.reduction = weight, ignore_index, reduction

    def forward(self, log_probs: Tensor, target: Any) -> Tensor:
        return ops.nll_loss(log_probs, target, self.reduction, self.ignore_index, self.class_weight)


class MSELoss(Module):
    """The squared error, see ``ops.mse_loss``."""

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return ops.mse_loss(input, target, self.reduction)


class L1Loss(Module):
    """The absolute error, see ``ops.l1_loss``."""

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return ops.l1_loss(input, target, self.reduction)


class HuberLoss(Module):
    """Squared near 0, absolute from delta on, see ``ops.huber_loss``."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.reduction, self.delta = reduction, delta

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return ops.huber_loss(input, target, self.reduction, self.delta)


class BCEWithLogitsLoss(Module):
    """The loss of yes-or-no answers, see ``ops.binary_cross_entropy_with_logits``."""

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        self.element_weight, self.reduction, self.pos_weight = weight, reduction, pos_weight

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return ops.binary_cross_entropy_with_logits(
            input, target, self.reduction, self.element_weight, self.pos_weight
        )


class MultiMarginLoss(Module):
    """The multi-class hinge loss, ``loss(logits, target)``, see ``ops.hinge_loss``."""

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
    ) -> None:
        self.p, self.margin, self.class_weight, self.reduction = p, margin, weight, reduction

    def forward(self, logits: Tensor, target: Any) -> Tensor:
        return ops.hinge_loss(
            logits, target, self.reduction, self.p, self.margin, self.class_weight
        )

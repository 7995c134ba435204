"""The losses as layers: called with outputs and target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .. import ops
from ..autograd import Tensor
from ..ops.convert import TensorLike
from ..ops.loss_inputs import as_named_tensor
from .op_layer import OpLayer


class _WeightedLoss(OpLayer):
    """A loss whose weights are buffers: part of its state, but not learned."""

    weights: ClassVar[tuple[str, ...]] = ("weight",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.weights:
            value = getattr(self, name)
            if value is not None and not isinstance(value, Tensor):
                # A copy: loading a state must not write into the array of the user.
                value = Tensor(as_named_tensor(type(self).__name__, **{name: value}).data.copy())
            self.register_buffer(name, value)

    def _options(self) -> str:
        arrays = [(name, getattr(self, name)) for name in self.weights]
        shown = [f"{n}={x.data.round(4).tolist()}" for n, x in arrays if x is not None]
        return ", ".join([*shown, *[super()._options()]])

    def _held(self, *inputs: Any) -> dict[str, Any]:
        held = super()._held(*inputs)
        if inputs and isinstance(inputs[0], Tensor):
            given = {name: held[name] for name in self.weights if held[name] is not None}
            held.update({name: value.to(inputs[0].device) for name, value in given.items()})
        return held


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(_WeightedLoss):
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
class NLLLoss(_WeightedLoss):
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
class BCEWithLogitsLoss(_WeightedLoss):
    """The loss of yes-or-no answers, see ``ops.binary_cross_entropy_with_logits``.

    >>> mc.nn.BCEWithLogitsLoss()(mc.tensor([100.0, -100.0]), [1.0, 1.0])
    tensor(50.)
    """

    op = staticmethod(ops.binary_cross_entropy_with_logits)
    weights = ("weight", "pos_weight")
    weight: TensorLike | None = None
    reduction: str = "mean"
    pos_weight: TensorLike | None = None


@dataclass(eq=False, repr=False)
class MultiMarginLoss(_WeightedLoss):
    """The multi-class hinge loss, ``loss(logits, target)``, see ``ops.hinge_loss``.

    >>> mc.nn.MultiMarginLoss()(mc.tensor([[2.0, 1.5]]), [0])  # (1 - 2 + 1.5) / 2
    tensor(0.25)
    """

    op = staticmethod(ops.hinge_loss)
    p: int = 1
    margin: float = 1.0
    weight: TensorLike | None = None
    reduction: str = "mean"

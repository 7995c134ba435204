"""What the optimizer of 1998 needs before each pass: the rate of the pass, and the curvature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..autograd import Tensor
from ..data import DataLoader
from ..models import lenet5_1998
from ..optim import DiagonalLM
from .callbacks import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


class DiagonalLMSchedule(Callback):
    """Before each epoch of a DiagonalLM: its learning rate, and the curvature on some images.

    rates: one for each epoch, of which the last goes on; images: so many of the training data, from
    the start of it, prepared as for training (the paper takes 500).
    """

    def __init__(self, train: DataLoader, rates: Sequence[float], images: int = 500) -> None:
        self.rates = tuple(rates)
        pixels, self.labels = train.dataset[:images]  # type: ignore[index]
        self.pixels = pixels if train.transform is None else train.transform(pixels)

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        optimizer, model = trainer.optimizer, trainer.model
        if not isinstance(optimizer, DiagonalLM):
            raise TypeError(
                f"DiagonalLMSchedule: goes with DiagonalLM, not {type(optimizer).__name__}"
            )
        optimizer.param_groups[0]["lr"] = self.rates[min(epoch, len(self.rates)) - 1]
        images = Tensor(self.pixels).to(trainer.device)
        if not isinstance(model, lenet5_1998):
            optimizer.estimate(model, trainer.loss, images, self.labels)
            return

        def loss(features: Tensor, target: Any) -> Tensor:
            return trainer.loss(model.output(features), target)  # the distances are curved too

        optimizer.estimate(model.features, loss, images, self.labels)

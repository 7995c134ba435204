"""The callback that prepares a DiagonalLM for each epoch: its learning rate and the curvature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..autograd import Tensor
from ..data import DataLoader
from ..optim import DiagonalLM
from .callback import Callback
from .trainer import Trainer


class DiagonalLMSchedule(Callback):
    """Before each epoch of a DiagonalLM, sets its learning rate and estimates the curvature.

    rates: one for each epoch; the last one is kept for later epochs. images: how many of the first
    training images the estimate uses, prepared as for training (the paper takes 500).
    features, output: two functions that make up the model, ``model(x) = output(features(x))``; the
    output then belongs to the loss, for a model that ends in something curved, such as distances.
    """

    scheduled_options = ("lr",)
    resume_options: ClassVar = ("rates",)

    def __init__(
        self,
        train: DataLoader,
        rates: Sequence[float],
        images: int = 500,
        features: Callable[[Tensor], Tensor] | None = None,
        output: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.rates = tuple(rates)
        pixels, self.labels = train.dataset[:images]  # type: ignore[index]
        self.pixels = pixels if train.transform is None else train.transform(pixels)
        self.features, self.output = features, output

    def check_fit(self, trainer: Trainer) -> None:
        if not isinstance(trainer.optimizer, DiagonalLM):
            raise TypeError(
                f"DiagonalLMSchedule: optimizer: got {type(trainer.optimizer).__name__}, "
                "expected a DiagonalLM"
            )

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        optimizer: Any = trainer.optimizer
        optimizer.param_groups[0]["lr"] = self.rates[min(epoch, len(self.rates)) - 1]

        def loss(outputs: Tensor, target: Any) -> Tensor:
            return trainer.loss(self.output(outputs) if self.output else outputs, target)

        images = Tensor(self.pixels).to(trainer.device)
        optimizer.estimate(self.features or trainer.model, loss, images, self.labels)

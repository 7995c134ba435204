"""What a recipe is: how a network is trained, without saying which network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .. import ops, optim
from ..autograd import Tensor
from ..backend import Array
from ..data import DataLoader, transforms
from ..nn import Module
from ..optim import Optimizer
from .callback import Callback
from .learning_rate import LearningRate

OPTIMIZERS: dict[str, partial[Any]] = {
    "sgd": partial(optim.SGD, lr=0.05, momentum=0.9),
    "adagrad": partial(optim.Adagrad, lr=0.01),
    "rmsprop": partial(optim.RMSprop, lr=1e-3),
    "adadelta": partial(optim.Adadelta, lr=1.0),
    "adam": partial(optim.Adam, lr=1e-3),
    "adamw": partial(optim.AdamW, lr=1e-3),
}
"""The optimizers by their names on the command line, with the options used by default."""

# Handwriting is slanted, and varies in size.
SMALL_AFFINE = transforms.RandomAffine(12, (0.08, 0.08), (0.9, 1.1), shear=8)
FLIP_AND_SHIFT = transforms.Compose(
    [transforms.RandomHorizontalFlip(), transforms.RandomCrop(28, padding=2)]
)
PHOTOGRAPHS = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.RandomShift(3)])

MakeCallbacks = Callable[[Any, Optimizer, DataLoader, int], list[Callback]]
"""(model, optimizer, training batches, epochs) -> the callbacks of the recipe."""


def make_one_cycle(
    model: Module, optimizer: Optimizer, train: DataLoader, epochs: int
) -> list[Callback]:
    """A learning rate that rises to the optimizer's and falls to nearly 0, batch by batch."""
    highest = optimizer.param_groups[0]["lr"]
    schedule = optim.OneCycleLR(optimizer, highest, epochs * len(train))
    return [LearningRate(schedule, every="batch")]


@dataclass(frozen=True)
class Recipe:
    """How long a network is trained, on which images, and by which rule.

    optimizer: called with the parameters, and with lr unless that is None. make_callbacks: returns
    what else the training needs, such as a schedule. augment: called with each batch of training
    images. criterion: the loss function; None is cross entropy with label_smoothing. hold_out: the
    fraction of the training images that chooses the epoch whose weights are kept; 0 keeps the last.
    """

    epochs: int
    batch_size: int = 128
    optimizer: Callable[..., Optimizer] = OPTIMIZERS["adam"]
    lr: float | None = None
    make_callbacks: MakeCallbacks | None = None
    label_smoothing: float = 0.0
    augment: Callable[[Array], Array] | None = None
    criterion: Callable[[Tensor, Any], Tensor] | None = None
    hold_out: float = 0.0

    def on(self, data: str) -> Recipe:
        """The recipe adapted to a data set other than MNIST.

        The bundled digits are 42 times fewer: small batches give enough steps, and label smoothing
        keeps the network from memorising so few. Fashion-MNIST is flipped and shifted, not rotated
        and slanted like handwriting, and takes longer; its labels are noisy, hence label smoothing.
        CIFAR-10 is flipped and shifted too.
        """
        if data == "digits":
            return replace(self, epochs=3 * self.epochs, batch_size=32, label_smoothing=0.1)
        if data == "fashion-mnist" and self.augment is SMALL_AFFINE:
            return replace(self, augment=FLIP_AND_SHIFT, epochs=40, label_smoothing=0.1)
        if data == "cifar10" and self.augment is SMALL_AFFINE:
            return replace(self, augment=PHOTOGRAPHS)
        return self

    def build_optimizer(self, model: Module) -> Optimizer:
        """The optimizer for all parameters of the model."""
        options = {} if self.lr is None else {"lr": self.lr}
        return self.optimizer(model.parameters(), **options)

    def build_callbacks(
        self, model: Module, optimizer: Optimizer, train: DataLoader
    ) -> list[Callback]:
        """The callbacks for a training of this model on these batches."""
        if self.make_callbacks is None:
            return []
        return self.make_callbacks(model, optimizer, train, self.epochs)

    @property
    def loss(self) -> Callable[[Tensor, Any], Tensor]:
        """The loss function of (outputs, labels)."""
        if self.criterion is not None:
            return self.criterion
        return partial(ops.cross_entropy, label_smoothing=self.label_smoothing)

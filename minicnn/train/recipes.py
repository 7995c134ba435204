"""How each network is trained on MNIST: the course's way, the paper's, or the best we know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .. import models, ops, optim
from ..data import DataLoader, transforms
from ..nn import Module
from ..optim import Optimizer
from .callbacks import Callback, LearningRate
from .diagonal_lm_schedule import DiagonalLMSchedule

OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], dict[str, Any]]] = {
    "sgd": (optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "adagrad": (optim.Adagrad, {"lr": 0.01}),
    "rmsprop": (optim.RMSprop, {"lr": 1e-3}),
    "adadelta": (optim.Adadelta, {"lr": 1.0}),
    "adam": (optim.Adam, {"lr": 1e-3}),
    "adamw": (optim.AdamW, {"lr": 1e-3}),
}

# The paper's method, and the rates of its passes as parts of the first.
DIAGONAL_LM = (optim.DiagonalLM, {"lr": 0.01, "mu": 2.0})
RATES_1998 = (1.0,) * 2 + (0.4,) * 3 + (0.2,) * 3 + (0.1,) * 4 + (0.02,) * 8

MODELS: dict[str, Callable[[], Module]] = {
    "lenet5": models.lenet5,
    "lenet5_sigmoid": models.lenet5_sigmoid,
    "lenet5_1998": models.lenet5_1998,
    "alexnet_mnist": models.alexnet_mnist,
    "scaled_alexnet": models.scaled_alexnet,
}


@dataclass(frozen=True)
class Recipe:
    """How long a network is trained, on what, and by which rule.

    augment: called with each batch of training images; prepare: with all images, after it.
    one_cycle: the learning rate rises to lr and falls to 0 again, batch by batch.
    optimizer: a name of OPTIMIZERS, or "diagonal_lm", which looks at the curvature before each
    epoch. criterion: the loss; by default cross entropy with label_smoothing.
    """

    epochs: int
    batch_size: int = 128
    optimizer: str = "adam"
    lr: float | None = None
    one_cycle: bool = False
    label_smoothing: float = 0.0
    augment: Callable[[Any], Any] | None = None
    prepare: Callable[[Any], Any] | None = None
    criterion: Callable[[Any, Any], Any] | None = None

    def on(self, data: str) -> Recipe:
        """The recipe as it suits another data set than MNIST.

        The bundled digits are 42 times fewer: small batches make enough steps of them, and smoothed
        labels keep so few from being learned by heart. Clothes are mirrored and shifted, not turned
        and leaned like handwriting, take longer to learn, and are not always what they are called.
        """
        if data == "digits":
            return replace(self, epochs=3 * self.epochs, batch_size=32, label_smoothing=0.1)
        if data == "fashion-mnist" and self.augment is SMALL_AFFINE:
            return replace(self, augment=CLOTHES, epochs=40, label_smoothing=0.1)
        return self

    def build_optimizer(self, model: Module) -> Optimizer:
        """The optimizer for all parameters of the model."""
        build, options = {**OPTIMIZERS, "diagonal_lm": DIAGONAL_LM}[self.optimizer]
        chosen = options if self.lr is None else {**options, "lr": self.lr}
        return build(model.parameters(), **chosen)

    @property
    def loss(self) -> Callable[[Any, Any], Any]:
        """The function of (outputs, labels) that is made small."""
        if self.criterion is not None:
            return self.criterion
        return partial(ops.cross_entropy, label_smoothing=self.label_smoothing)

    def callbacks(self, optimizer: Optimizer, train: DataLoader) -> list[Callback]:
        """What moves the learning rate in a training on these batches."""
        highest = optimizer.param_groups[0]["lr"]
        if isinstance(optimizer, optim.DiagonalLM):
            return [DiagonalLMSchedule(train, [highest * part for part in RATES_1998])]
        if not self.one_cycle:
            return []
        schedule = optim.OneCycleLR(optimizer, highest, self.epochs * len(train))
        return [LearningRate(schedule, every="batch")]


# Handwriting leans, and is written larger and smaller.
SMALL_AFFINE = transforms.RandomAffine(12, (0.08, 0.08), (0.9, 1.1), shear=8)
CLOTHES = transforms.Compose(
    [transforms.RandomHorizontalFlip(), transforms.RandomCrop(28, padding=2)]
)
# Background -0.1 and ink 1.175, so that the mean over an image is about 0 and the variance 1.
SCALED_1998 = transforms.Normalize(0.1 / 1.275, 1 / 1.275)
COURSE = Recipe(epochs=10)

RECIPES: dict[str, dict[str, Recipe]] = {
    "lenet5": {
        "course": COURSE,
        "best": Recipe(epochs=40, lr=4e-3, one_cycle=True, augment=SMALL_AFFINE),
    },
    # Ours: sigmoids learn slowly.
    "lenet5_sigmoid": {"course": replace(COURSE, epochs=20)},
    "lenet5_1998": {
        "paper": Recipe(
            epochs=20,
            batch_size=16,  # in the paper 1, which takes hours
            optimizer="diagonal_lm",
            prepare=SCALED_1998,
            criterion=models.map_loss,
        ),
    },
    "alexnet_mnist": {
        "course": replace(COURSE, epochs=5),
        "best": Recipe(epochs=20, lr=3e-3, one_cycle=True, augment=SMALL_AFFINE),
    },
    "scaled_alexnet": {
        "best": Recipe(epochs=15, lr=1.5e-3, one_cycle=True, augment=SMALL_AFFINE),
    },
}
"""By model and name; the first of a model is taken where none is named."""


def recognise(state: Mapping[str, Any]) -> str:
    """The name of the model whose parameters have these names and shapes.

    Raises ValueError when it is none of MODELS.
    """
    shapes = {name: tuple(array.shape) for name, array in state.items()}
    for name, build in MODELS.items():
        if {key: value.shape for key, value in build().state_dict().items()} == shapes:
            return name
    raise ValueError(f"these are the weights of none of {', '.join(MODELS)}")

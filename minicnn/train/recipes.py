"""The recipes: how each network is trained on MNIST, the course's way, the paper's or the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from .. import models, optim
from ..data import DataLoader, transforms
from ..nn import Module
from ..optim import Optimizer
from .callback import Callback
from .diagonal_lm_schedule import DiagonalLMSchedule
from .recipe import SMALL_AFFINE, Recipe, make_one_cycle

MODELS: dict[str, Callable[[], Module]] = {
    "lenet5": models.lenet5,
    "lenet5_sigmoid": models.lenet5_sigmoid,
    "lenet5_1998": models.lenet5_1998,
    "alexnet_mnist": models.alexnet_mnist,
    "scaled_alexnet": models.scaled_alexnet,
}

# The learning rates of the paper's passes, relative to the first.
RATES_1998 = (1.0,) * 2 + (0.4,) * 3 + (0.2,) * 3 + (0.1,) * 4 + (0.02,) * 8


def make_schedule_1998(
    model: models.LeNet1998, optimizer: Optimizer, train: DataLoader, epochs: int
) -> list[Callback]:
    """The paper's rates and curvature; nothing for an optimizer other than the paper's."""
    if not isinstance(optimizer, optim.DiagonalLM):
        return []
    rates = [optimizer.param_groups[0]["lr"] * rate for rate in RATES_1998]
    return [DiagonalLMSchedule(train, rates, features=model.features, output=model.output)]


COURSE = Recipe(epochs=10)

RECIPES: dict[str, dict[str, Recipe]] = {
    "lenet5": {
        "course": COURSE,
        "best": Recipe(epochs=40, lr=4e-3, make_callbacks=make_one_cycle, augment=SMALL_AFFINE),
    },
    # The number of epochs is ours: sigmoids learn slowly.
    "lenet5_sigmoid": {"course": replace(COURSE, epochs=20)},
    "lenet5_1998": {
        "paper": Recipe(
            epochs=20,
            batch_size=16,  # 1 in the paper, which takes hours
            optimizer=partial(optim.DiagonalLM, lr=0.01, mu=2.0),
            make_callbacks=make_schedule_1998,
            # Background -0.1 and ink 1.175: over an image mean about 0 and variance about 1.
            prepare=transforms.Normalize(0.1 / 1.275, 1 / 1.275),
            criterion=models.map_loss,
        ),
    },
    "alexnet_mnist": {
        "course": replace(COURSE, epochs=5),
        "best": Recipe(epochs=20, lr=3e-3, make_callbacks=make_one_cycle, augment=SMALL_AFFINE),
    },
    "scaled_alexnet": {
        "best": Recipe(epochs=15, lr=1.5e-3, make_callbacks=make_one_cycle, augment=SMALL_AFFINE),
    },
}
"""By model and name; the first recipe of a model is its default."""


def recognise(state: Mapping[str, Any]) -> str:
    """The name of the model whose parameters have these names and shapes.

    Raises ValueError if none of MODELS has them.
    """
    shapes = {name: tuple(array.shape) for name, array in state.items()}
    for name, build in MODELS.items():
        if {key: value.shape for key, value in build().state_dict().items()} == shapes:
            return name
    raise ValueError(f"these weights fit none of {', '.join(MODELS)}")

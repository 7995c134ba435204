"""The recipes: how each network is trained on MNIST, the course's way, the paper's or the best."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from .. import models, optim
from ..data import DataLoader
from ..optim import Optimizer
from .callback import Callback
from .diagonal_lm_schedule import DiagonalLMSchedule
from .recipe import SMALL_AFFINE, Recipe, make_one_cycle

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
BEST = Recipe(epochs=40, make_callbacks=make_one_cycle, augment=SMALL_AFFINE, hold_out=0.1)

RECIPES: dict[str, dict[str, Recipe]] = {
    "lenet5": {
        "course": COURSE,
        "best": replace(BEST, lr=4e-3),
    },
    # The number of epochs is ours: sigmoids learn slowly.
    "lenet5_sigmoid": {"course": replace(COURSE, epochs=20)},
    "lenet5_1998": {
        "paper": Recipe(
            epochs=20,
            batch_size=16,  # 1 in the paper, which takes hours
            optimizer=partial(optim.DiagonalLM, lr=0.01, mu=2.0),
            make_callbacks=make_schedule_1998,
            criterion=models.map_loss,
        ),
    },
    "alexnet_mnist": {
        "course": replace(COURSE, epochs=5),
        "best": replace(BEST, epochs=20, lr=3e-3),
    },
    "scaled_alexnet": {"best": replace(BEST, epochs=15, lr=1.5e-3)},
}
"""By model and name; the first recipe of a model is its default."""

"""What is looked at before and while a network trains: how long, mistakes, divergence."""

from __future__ import annotations

import copy
import math
import sys
import time
from typing import ClassVar

from .. import data, optim, train
from ..autograd import Tensor
from ..backend.random import generator_state, set_generator_state
from ..models import ImageClassifier
from ..train.progress import seconds_since
from ..train.recipe import Recipe
from .inputs import mark

FEW_STEPS, LEAST_MINUTES = 2000, 2
"""A training of fewer steps, or of less time, is not announced."""


def expected_minutes(
    recipe: Recipe, model: ImageClassifier, device: str, training: data.ArrayDataset
) -> float:
    """How long a training will take, measured in some steps of a copy; 0 for a short one."""
    steps = recipe.epochs * len(training) / recipe.batch_size
    if steps < FEW_STEPS:
        return 0
    state = generator_state()
    copied = copy.deepcopy(model).to(device)
    images, labels = training[: recipe.batch_size]
    pixels, seconds = model.as_input(images), math.inf
    for _ in range(5):
        start = time.perf_counter()
        if recipe.augment is not None:
            recipe.augment(pixels)
        recipe.loss(copied(Tensor(pixels).to(device)), labels).backward()
        seconds = min(seconds, seconds_since(start))
    set_generator_state(state)
    minutes = seconds * steps / 60
    return minutes if minutes >= LEAST_MINUTES else 0


def finds_no_mistake(
    recipe: Recipe, model: ImageClassifier, device: str, training: data.ArrayDataset, rank: int
) -> bool:
    """Whether ``train.check`` finds nothing in the first images; the first process prints it."""
    batch = next(iter(data.DataLoader(training, 128, True, seed=0, transform=model.as_input)))
    optimizer = recipe.build_optimizer(model.to(device))
    if isinstance(optimizer, optim.DiagonalLM):  # it needs the curvature of many batches
        optimizer = optim.Adam(model.parameters())
    found = train.check(model, batch, recipe.loss, optimizer)
    if rank == 0:
        print(str(found).replace("✓", mark(True)).replace("✗", mark(False)))
        if not found.ok:
            print("nothing was trained; without --check it is", file=sys.stderr)
    return found.ok


class EndIfLost(train.Callback):
    """Ends a training that guesses after an epoch, with a loss far above that of guessing."""

    added_columns: ClassVar = ()

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def on_epoch_end(self, trainer: train.Trainer, epoch: int, row: dict[str, float]) -> None:
        blind = math.log(self.classes)
        if row["loss"] > 3 * blind + 1 and row["accuracy"] < 1.5 / self.classes:
            raise FloatingPointError(
                f"epoch {epoch}: the loss is {row['loss']:.3g}, {blind:.3g} would be a guess, and "
                f"the accuracy {row['accuracy']:.1%}: the training diverges; use a smaller "
                "learning rate (--lr)"
            )

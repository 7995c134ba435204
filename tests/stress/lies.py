"""Checkpoints whose hash is right and whose content is not, and trainings that resume from them."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from minicnn import data, nn, optim
from minicnn.backend.random import manual_seed
from minicnn.checks import brief
from minicnn.train import (
    Callback,
    Checkpoint,
    CheckpointError,
    EarlyStopping,
    LearningRate,
    Snapshots,
    Trainer,
)
from minicnn.train.checkpoint_file import _digest, _pack, read_checkpoint, write_checkpoint

KINDS = ("adam", "sgd")
DELETED = object()
HUGE = 10**30  # a number that most fields may be, with which the training diverges
WRONG: list[Any] = [
    DELETED, {}, [], None, True, -1, 1, 0.5, HUGE, 10**4000, math.inf, math.nan, "x", [[]],
    [None], {"x": 1}, np.zeros(3), np.zeros((2, 2), np.int8), np.full((), np.nan),
]  # fmt: skip


def make_loader(images: int = 22, seed: int = 0) -> data.DataLoader:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(size=(images, 1, 4, 4)).astype(np.float32)
    dataset = data.ArrayDataset(pixels, np.arange(images) % 2)
    return data.DataLoader(dataset, batch_size=8, shuffle=True, seed=1)


def make_trainer(kind: str, path: Path) -> Trainer:
    """A small training with every kind of state."""
    manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    optimizer: optim.Optimizer
    if kind == "adam":
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        rate = LearningRate(optim.OneCycleLR(optimizer, 0.01, total_steps=9), "batch")
    else:
        parameters = [*model.parameters()]
        groups = [{"params": parameters[:3]}, {"params": parameters[3:], "lr": 0.01}]
        optimizer = optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
        rate = LearningRate(optim.ReduceLROnPlateau(optimizer, patience=0))
    kept = Checkpoint(path, every_batches=1, keep_best="val_loss")
    callbacks = [rate, EarlyStopping(restore_best=True), Snapshots(2), kept]
    return Trainer(model, optimizer, callbacks=callbacks)


class KeepState(Callback):
    """Keeps the state of the training after a batch of the second epoch."""

    rank = 9

    def on_batch_end(self, trainer: Trainer, images: int, means: Any) -> None:
        if trainer.progress.epoch == 1 and trainer.progress.batch == 1:
            self.state = trainer.state_dict()


class Liar:
    """True states, and what becomes of resuming from one in which a value is wrong."""

    def __init__(self, folder: Path) -> None:
        self.path, self.written = folder / "lie.ckpt", folder / "written.ckpt"
        self.states = {kind: self._true_state(kind) for kind in KINDS}
        self.places = {kind: [*places(state)] for kind, state in self.states.items()}

    def _true_state(self, kind: str) -> dict[str, Any]:
        """The state of a training in its second epoch, as it is read from a file."""
        trainer, keep = make_trainer(kind, self.written), KeepState()
        trainer.callbacks = (*trainer.callbacks, keep)
        trainer.fit(make_loader(), 3, make_loader(10, 5))
        write_checkpoint(self.path, keep.state)
        return read_checkpoint(self.path)

    def tell(self, random: Random) -> str:
        """``resume`` with a drawn value in a drawn place."""
        kind = random.choice(KINDS)
        return self.resume(kind, random.choice(self.places[kind]), random.choice(WRONG))

    def resume(self, kind: str, place: tuple[Any, ...], value: Any) -> str:
        """Whether the state was refused or accepted; raises AssertionError for anything else."""
        told = f"{'.'.join(map(str, place))} = {'deleted' if value is DELETED else brief(value)}"
        write_checkpoint(self.path, changed(self.states[kind], place, value))
        trainer = make_trainer(kind, self.written)
        before, train, validation = everything(trainer), make_loader(), make_loader(10, 5)
        try:
            trainer.fit(train, 3, validation, resume=self.path)
        except CheckpointError as error:
            message = str(error).replace(str(self.path), "")
            is_brief = len(message) < 600 and "\n" not in message
            assert is_brief, f"{told}: the message is {message}"
            assert everything(trainer) == before, f"{told}: the Trainer has changed"
            assert train.epoch == validation.epoch == 0, f"{told}: a loader has changed"
            return "refused"
        except FloatingPointError:
            assert value is HUGE, f"{told}: FloatingPointError"
        except Exception as error:
            raise AssertionError(f"{told}: {error!r}") from error
        return "accepted"


def everything(trainer: Trainer) -> tuple[str, str]:
    """All that resuming could change, as text and a hash."""
    arrays: dict[str, Any] = {}
    state = trainer.state_dict()
    del state["progress"], state["options"]  # those of the call
    return json.dumps(_pack(state, "", arrays)), _digest(arrays, {})


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree, and of every list and dict."""
    if path:
        yield path
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(value, (*path, key))


def changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the tree with another value there, or without it."""
    tree = copy.deepcopy(tree)
    *above, last = path
    inner = tree
    for key in above:
        inner = inner[key]
    if value is DELETED:
        del inner[last]
    else:
        inner[last] = value
    return tree

"""Checkpoints whose hash is right and whose content is not: refused before anything changes."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minicnn import data, nn, optim
from minicnn.backend.random import generator_state, manual_seed
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

LOG = open(os.environ["LIES_LOG"], "a") if "LIES_LOG" in os.environ else None
DELETED = object()
WRONG: list[Any] = [
    DELETED, {}, [], None, True, -1, 1, 0.5, 10**30, 10**4000, math.inf, math.nan, "x", [[]],
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
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in items:
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


@pytest.fixture(params=["adam", "sgd"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def state(kind, tmp_path) -> dict[str, Any]:
    """The state of a training in its second epoch, as it is read from a file."""
    trainer = make_trainer(kind, tmp_path / "kept.ckpt")
    keep = KeepState()
    trainer.callbacks = (*trainer.callbacks, keep)
    trainer.fit(make_loader(), 3, make_loader(10, 5))
    write_checkpoint(tmp_path / "true.ckpt", keep.state)
    return read_checkpoint(tmp_path / "true.ckpt")


def test_every_value_replaced_or_deleted(kind, state, tmp_path):
    """All of them with MINICNN_STRESS=1; otherwise every 20th."""
    path = tmp_path / "run.ckpt"
    every = [(place, value) for place in places(state) for value in WRONG]
    faults: list[str] = []
    accepted = refused = 0
    for place, value in every[:: 1 if os.environ.get("MINICNN_STRESS") else 20]:
        write_checkpoint(path, changed(state, place, value))
        trainer = make_trainer(kind, tmp_path / "written.ckpt")
        before = everything(trainer)
        train, validation = make_loader(), make_loader(10, 5)
        told = f"{'.'.join(map(str, place))} = {'deleted' if value is DELETED else brief(value)}"
        try:
            trainer.fit(train, 3, validation, resume=path)
            accepted += 1
            if LOG:
                print("accepted", told, file=LOG)
        except CheckpointError as error:
            refused += 1
            if LOG:
                print("refused", told, "::", error, file=LOG)
            if "\n" in str(error) or len(str(error)) > 600:
                faults.append(f"{told}: the message is {error}")
            if everything(trainer) != before or train.epoch or validation.epoch:
                faults.append(f"{told}: something has changed")
        except Exception as error:
            faults.append(f"{told}: {error!r}")
            if LOG:
                print("FAULT", told, "::", repr(error)[:300], file=LOG, flush=True)
    assert not faults, "\n".join(faults)
    assert refused > accepted > 0

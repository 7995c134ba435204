"""Checkpoints whose hash is right and whose content is not: refused before anything changes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from stress.lies import KINDS, WRONG, Liar, changed, make_loader, make_trainer

from minicnn import data
from minicnn.train import CheckpointError, load_weights
from minicnn.train.checkpoint_file import write_checkpoint


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_replaced_or_deleted(kind: str, tmp_path: Path) -> None:
    """All of them with MINICNN_STRESS=1; otherwise every 40th."""
    liar = Liar(tmp_path)
    every = [(place, value) for place in liar.places[kind] for value in WRONG]
    outcomes = [
        liar.resume(kind, place, value)
        for place, value in every[:: 1 if os.environ.get("MINICNN_STRESS") else 40]
    ]
    assert outcomes.count("refused") > outcomes.count("accepted") > 0


LIES = {
    "progress.epoch": (7, "progress: epoch 7, but the history has 1"),
    "progress.batch": (3, r"of epoch 2, after 3 batches of 8 images, but here these are 3 of 22"),
    "progress.means.images": (9, "after 1 batches of 9 images, but here these are 1 of 8"),
    "progress.means.counts": ({}, "means: got counts of"),
    "progress.means.sums.loss": (float("nan"), "a loss of nan, the training diverged"),
    "progress.train.order": (np.arange(22)[:, None], "not a permutation of 22 images"),
    "progress.train": (None, "without the order of its images"),
    "history.0": ({"loss": 1.0}, r"history\[0\]: is without accuracy"),
    "stopped": ("no", "stopped: got 'no', expected True or False"),
    "generator": ({}, "not the state of a PCG64 generator"),
    "model.0.weight": (np.full((2, 1, 3, 3), np.nan, np.float32), r"infinity in 0.weight \(18 of"),
    "model.1.running_var": (np.array([1, -1], np.float32), "model: 1.running_var: got -1.0, expec"),
    "generator.state.inc": (2, "an even increment"),
    "optimizer.groups.0.nesterov": (1, "SGD: nesterov: got 1, expected a value like True"),
    "optimizer.state.0.step": (2**70, "step of parameter 0: got 1180591620717411303424"),
    "callbacks.1.state.best_weights": ({}, "best_weights: not of this model: 0.weight is missing"),
    "callbacks.2.state.states": ([[0, {"x": np.zeros(3)}]], "Snapshots: epoch 0: not of this"),
}


@pytest.mark.parametrize("place", LIES)
def test_the_message_names_the_place(place: str, tmp_path: Path) -> None:
    value, message = LIES[place]
    liar = Liar(tmp_path)
    names = [int(name) if name.isdecimal() else name for name in place.split(".")]
    if names[0] == "model":
        names = ["model", place.removeprefix("model.")]
    write_checkpoint(liar.path, changed(liar.states["sgd"], tuple(names), value))
    with pytest.raises(CheckpointError, match=message):
        make_trainer("sgd", liar.written).fit(make_loader(), 3, make_loader(10, 5), liar.path)


def test_weights_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    for state in ({}, {"model": 3}, {"model": {"x": "y"}}):
        write_checkpoint(path, state)
        with pytest.raises(CheckpointError, match=r"run\.ckpt: state"):
            load_weights(path)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_other_data_of_the_same_size(part: str, tmp_path: Path) -> None:
    liar = Liar(tmp_path)
    write_checkpoint(liar.path, liar.states["adam"])
    loaders = {"train": make_loader(), "validation": make_loader(10, 5)}
    other = {"train": make_loader(22, 9), "validation": make_loader(10, 9)}[part]
    message = f"of a training with other data: {part} data: 'sha256 .* in the checkpoint, 'sha256"
    trainer = make_trainer("adam", liar.written)
    with pytest.raises(CheckpointError, match=message):
        trainer.fit(epochs=3, resume=liar.path, **{**loaders, part: other})
    older = changed(liar.states["adam"], ("options", f"{part} data"), None)
    del older["options"][f"{part} data"]
    write_checkpoint(liar.path, older)
    trainer = make_trainer("adam", liar.written)
    assert len(trainer.fit(epochs=3, resume=liar.path, **{**loaders, part: other})) == 3


def test_data_that_is_not_in_memory_has_no_fingerprint(tmp_path: Path) -> None:
    class Images:
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            return np.zeros((4, 4), np.float32), index % 2

    trainer = make_trainer("sgd", tmp_path / "run.ckpt")
    trainer.fit(data.DataLoader(Images(), 8), 1, make_loader(8))
    options = trainer.state_dict()["options"]
    assert "train data" not in options
    assert options["validation data"].endswith("of float32 8x1x4x4, int64 8")

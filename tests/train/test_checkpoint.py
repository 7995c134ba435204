"""Checkpoint: what is in the file, and that only an intact one that fits is accepted."""

from __future__ import annotations

import functools
import json
import math
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, io, nn, optim
from minicnn.train import (
    Callback,
    Checkpoint,
    CheckpointError,
    CSVLogger,
    EarlyStopping,
    LearningRate,
    Trainer,
    checkpoint_file,
    load_weights,
)


def loader(images: int = 22, **options) -> data.DataLoader:
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(images, 1, 4, 4)).astype(np.float32)
    dataset = data.ArrayDataset(pixels, np.arange(images) % 2)
    return data.DataLoader(dataset, **{"batch_size": 8, "shuffle": True, "seed": 1, **options})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.ckpt"


@pytest.fixture
def content(path, make) -> bytes:
    """A checkpoint after one epoch of a small network."""
    make(callbacks=[Checkpoint(path)]).fit(loader(), 1)
    return path.read_bytes()


def everything(trainer) -> tuple[str, str]:
    """All that resuming could change."""
    arrays: dict[str, Any] = {}
    state = trainer.state_dict()
    del state["progress"], state["options"]  # those of the call
    return json.dumps(checkpoint_file._pack(state, "", arrays)), checkpoint_file._digest(arrays, {})


class Keeper(Callback):
    """Keeps whatever it is given."""

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def state_dict(self):
        return {"kept": self.kept}

    def load_state_dict(self, state_dict):
        self.kept = state_dict["kept"]


def refuse(path, trainer, message, train=None, epochs=2):
    """Resuming is one clear error; nothing in the trainer and no file has changed."""
    if epochs:
        trainer.fit(loader(), epochs)  # so that there is something to spoil
    log, content = path.with_name("log.csv"), path.read_bytes()
    log.write_text("old")
    trainer.callbacks = (*trainer.callbacks, CSVLogger(log), Checkpoint(path))
    before, train = everything(trainer), train or loader()
    with pytest.raises(CheckpointError, match=message) as caught:
        trainer.fit(train, 9, resume=path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert everything(trainer) == before
    assert (path.read_bytes(), log.read_text()) == (content, "old")
    if isinstance(train, data.DataLoader):
        assert train.epoch == 0


def test_it_is_one_safetensors_file_with_everything_in_it(path, content, make):
    arrays, metadata = io.load_with_metadata(path)
    assert metadata["format"] == "minicnn checkpoint"
    assert (metadata["version"], metadata["minicnn"]) == ("1", mc.__version__)
    state = json.loads(metadata["state"])
    assert list(state) == [
        "model", "loss", "optimizer", "callbacks", "generator", "progress", "metrics", "history",
        "stopped", "options",
    ]  # fmt: skip
    assert {"model.0.weight", "optimizer.state.0.momentum_buffer"} <= arrays.keys()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    model = make().model
    model.load_state_dict(load_weights(path))
    np.testing.assert_array_equal(model[0].weight.data, arrays["model.0.weight"])


def test_every_truncation_is_noticed(path, content, make):
    for tenth in range(10):
        path.write_bytes(content[: len(content) * tenth // 10])
        with pytest.raises(CheckpointError, match=r"run\.ckpt: not an intact safetensors file"):
            load_weights(path)
    refuse(path, make(), "intact safetensors file .* expected a checkpoint")
    path.write_bytes(content[:-1])
    refuse(path, make(), "intact safetensors file")


def test_every_flipped_byte_is_noticed(path, content):
    for i in [*range(200), *range(200, len(content), 7)]:
        path.write_bytes(content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :])
        with pytest.raises(CheckpointError, match=r"run\.ckpt"):
            load_weights(path)


@pytest.mark.parametrize("place", [9, -1])
def test_a_damaged_file_changes_nothing(path, content, make, place):
    damaged = bytearray(content)
    damaged[place] ^= 16
    path.write_bytes(damaged)
    refuse(path, make(), "hash does not match" if place == -1 else "intact|a safetensors file")


def with_metadata(path, **changes):
    arrays, metadata = io.load_with_metadata(path)
    io.save(path, arrays, {**metadata, **changes})


def test_a_file_of_a_newer_version(path, content, make):
    with_metadata(path, version="2", minicnn="9.1")
    refuse(path, make(), r"of version 2 \(minicnn 9\.1\), but minicnn .* reads version 1")


def test_a_hash_that_is_missing(path, content, make):
    arrays, metadata = io.load_with_metadata(path)
    io.save(path, arrays, {k: v for k, v in metadata.items() if k != "sha256"})
    refuse(path, make(), "hash does not match")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_another_safetensors_file(path, make, metadata):
    io.save(path, make().model.state_dict(), metadata)
    refuse(path, make(), "a safetensors file, but not a checkpoint of minicnn")


def test_an_intact_file_with_other_content(path, content, make):
    arrays, metadata = io.load_with_metadata(path)
    del metadata["sha256"]
    wrong = {
        "{}": "state dict: is without model, optimizer",
        '{"model": 3}': "state dict: is without optimizer",
        "[]": r"its state is \[\], expected values by name",
        "{": "its state cannot be used .JSONDecodeError",
        "[" * 500 + "]" * 500: "its state cannot be used .*nested more than 100 deep",
        "[" * 100_000: "its state cannot be used .RecursionError",
        '{"x": ' + "9" * 5000 + "}": "its state cannot be used .ValueError",
        '{"x": {"$array": "model.9"}}': "its state cannot be used .KeyError",
        '{"x": {"$array": []}}': "its state cannot be used .TypeError",
    }
    for state, message in wrong.items():
        metadata["state"] = state
        io.save(path, arrays, {**metadata, "sha256": checkpoint_file._digest(arrays, metadata)})
        refuse(path, make(), message)
        with pytest.raises(CheckpointError, match=r"^.*run\.ckpt: "):
            load_weights(path)
    del metadata["state"]
    io.save(path, arrays, {**metadata, "sha256": checkpoint_file._digest(arrays, metadata)})
    refuse(path, make(), "its state cannot be used .KeyError")


@pytest.mark.parametrize(
    "kept", [{"$array": "model.0.weight"}, functools.reduce(lambda x, _: [x], range(200), 0)]
)
def test_what_could_not_be_read_is_not_written(path, make, kept):
    with pytest.raises((TypeError, ValueError), match=r"^Checkpoint: callbacks\.0\.state\.kept"):
        make(callbacks=[Keeper(kept), Checkpoint(path)]).fit(loader(), 1)
    assert not path.exists()


def test_a_missing_file_is_an_os_error(path, make):
    with pytest.raises(FileNotFoundError, match=r"run\.ckpt"):
        make().fit(loader(), 1, resume=path)


MODELS = {
    "wider": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)),
        r"0\.weight is float32 \(2, 1, 3, 3\), here float32 \(3, 1, 3, 3\); .* and 1 more",
    ),
    "deeper": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2)),
        r"1\.weight is missing, here float32 \(2,\)",
    ),
    "without bias": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3, bias=False), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2)
        ),
        r"of another model: 0\.bias is float32 \(2,\), here missing$",
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_another_model(path, content, kind):
    build, message = MODELS[kind]
    model = build()
    refuse(path, Trainer(model, optim.SGD(model.parameters(), 0.1, momentum=0.9)), message)


def test_another_dtype(path, content, make):
    trainer = make()
    trainer.model.to(np.float64)
    trainer.optimizer = optim.SGD(trainer.model.parameters(), 0.1, momentum=0.9)
    refuse(path, trainer, r"0\.weight is float32 \(2, 1, 3, 3\), here float64", epochs=0)


def test_another_optimizer(path, content, make):
    adam = make()
    adam.optimizer = optim.Adam(adam.model.parameters())
    refuse(path, adam, "state dict: optimizer: SGD, this Trainer's: Adam")


def test_an_error_that_is_noticed_late_changes_nothing_either(path, make):
    """The callbacks are loaded already when the optimizer is found to have other groups."""

    def grouped(groups: int, kept: int) -> Trainer:
        trainer = make(callbacks=[Keeper(kept)])
        layers = [list(trainer.model[i].parameters()) for i in (0, 3)]
        params = layers[0] + layers[1] if groups == 1 else [{"params": p} for p in layers]
        trainer.optimizer = optim.SGD(params, 0.1, momentum=0.9)
        return trainer

    first, second = grouped(1, kept=7), grouped(2, kept=8)
    first.callbacks += (Checkpoint(path),)
    first.fit(loader(), 1)
    refuse(path, second, r"groups of \[4\] parameters, expected \[2, 2\]")
    assert second.callbacks[0].kept == 8


def test_other_metrics_and_callbacks(path, content, make):
    refuse(path, make(metrics=()), "state dict: metrics: accuracy, this Trainer's: none")
    stopping = make(callbacks=[EarlyStopping("loss", patience=99)])
    refuse(path, stopping, "callbacks with a state: none, this Trainer's: EarlyStopping")


def test_other_options_of_a_callback(path, make):
    def scheduled(every: str) -> Trainer:
        trainer = make()
        trainer.callbacks = (LearningRate(optim.StepLR(trainer.optimizer, 1, 0.5), every),)
        return trainer

    first = scheduled("epoch")
    first.callbacks += (Checkpoint(path),)
    first.fit(loader(), 1)
    refuse(path, scheduled("batch"), "LearningRate every: 'epoch' in the .*, 'batch' here")


@pytest.mark.parametrize(
    "options",
    [{"batch_size": 7}, {"shuffle": False}, {"seed": 2}, {"images": 21}, {"drop_last": True}],
)
def test_another_loader(path, content, make, options):
    ((name, value),) = options.items()
    there = {"batch_size": 8, "shuffle": True, "seed": 1, "images": 22, "drop_last": False}[name]
    message = rf"other options.*: train {name}: {there} in the checkpoint, {value} here"
    refuse(path, make(), message, loader(**options))


def test_every_batches_writes_in_the_middle_of_epochs_too(path, make):
    steps = []

    class Look(Callback):
        rank = 3

        def on_batch_end(self, trainer, images, means):
            if path.exists():
                progress = json.loads(io.load_with_metadata(path)[1]["state"])["progress"]
                steps.append((progress["epoch"], progress["batch"]))

    make(callbacks=[Look(), Checkpoint(path, every_batches=2)]).fit(loader(), 2)
    assert steps == [(0, 2), (0, 2), (1, 0), (1, 2), (1, 2)]


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", True])
def test_every_batches_that_is_not_a_number_of_batches(value):
    error = ValueError if type(value) is int else TypeError
    with pytest.raises(error, match="Checkpoint: every_batches: got"):
        Checkpoint("x", every_batches=value)


def test_the_best_one_is_kept(path, make):
    values = iter([3.0, 1.0, math.nan, 2.0])

    class Score(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            row["score_loss"] = next(values)

    checkpoint = Checkpoint(path, keep_best="score_loss")
    trainer = make(callbacks=[checkpoint, Score()])
    trainer.fit(loader(), 4)
    assert checkpoint.best_path == path.with_name("run.best.ckpt")
    best, last = (
        json.loads(io.load_with_metadata(p)[1]["state"]) for p in (checkpoint.best_path, path)
    )
    assert (len(best["history"]), len(last["history"])) == (2, 4)

    values = iter([1.5, 0.5])
    again = make(callbacks=[Checkpoint(path, keep_best="score_loss"), Score()])
    before = checkpoint.best_path.read_bytes()
    again.fit(loader(), 5, resume=path)
    assert checkpoint.best_path.read_bytes() == before  # 1.5 is not better than 1.0
    again.fit(loader(), 6, resume=path)
    assert checkpoint.best_path.read_bytes() != before


def test_a_best_value_of_what(path):
    with pytest.raises(ValueError, match="Checkpoint: mode: got None, .* the name 'speed'"):
        Checkpoint(path, keep_best="speed")


def test_a_diverged_training_does_not_overwrite_the_checkpoint(path, content, make, batches):
    images, labels = batches[0]
    trainer = make(callbacks=[Checkpoint(path)])
    with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
        trainer.fit([(images * math.nan, labels)], 1)
    assert path.read_bytes() == content
    dataset = data.ArrayDataset(np.full((9, 1, 4, 4), np.nan, np.float32), np.zeros(9, int))
    trainer = make(callbacks=[Checkpoint(path, every_batches=1)])
    with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
        trainer.fit(data.DataLoader(dataset, 3), 1)
    assert path.read_bytes() == content


def test_a_missing_directory_is_an_error_before_the_first_epoch(tmp_path, make, recorder):
    trainer = make(callbacks=[recorder, Checkpoint(tmp_path / "no" / "run.ckpt")])
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        trainer.fit(loader(), 1)
    assert "epoch_begin" not in recorder.events


def test_the_state_of_any_callback_comes_back(path, make, device):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = mc.tensor(array, device=device)
    kept = {"a": [1, 2.5, math.inf, None, True, "text"], "x": array.T, "t": [tensor, np.float32(2)]}
    make(callbacks=[Keeper(kept), Checkpoint(path)], device=device).fit(loader(), 1)
    again = Keeper(0)
    make(callbacks=[again], device=device).fit(loader(), 1, resume=path)
    assert again.kept["a"] == kept["a"]
    np.testing.assert_array_equal(again.kept["x"], array.T)
    np.testing.assert_array_equal(again.kept["t"][0], array)
    assert again.kept["t"][1] == 2


@pytest.mark.parametrize("kept", [{1: 2}, {3}, object(), [b"x"]])
def test_a_state_that_cannot_be_written_is_named(path, make, kept):
    with pytest.raises(TypeError, match=r"Checkpoint: callbacks\.0\.state\.kept"):
        make(callbacks=[Keeper(kept), Checkpoint(path)]).fit(loader(), 1)
    assert not path.exists()


def test_paths_in_the_tree_that_look_alike_stay_apart(path, make):
    one, two = np.zeros(1), np.ones(2)
    keeper = Keeper({"a.b": one, "a": {"b": two}})
    make(callbacks=[keeper, Checkpoint(path)]).fit(loader(), 1)
    again = Keeper(0)
    make(callbacks=[again]).fit(loader(), 1, resume=path)
    np.testing.assert_array_equal(again.kept["a.b"], one)
    np.testing.assert_array_equal(again.kept["a"]["b"], two)


def test_options_that_a_schedule_changed_come_back(path, make):
    def cycled() -> Trainer:
        trainer = make()
        trainer.optimizer = optim.Adam(trainer.model.parameters(), betas=(0.8, 0.99))
        trainer.callbacks = (
            LearningRate(optim.OneCycleLR(trainer.optimizer, 0.1, total_steps=9), "batch"),
        )
        return trainer

    first, second = cycled(), cycled()
    first.callbacks += (Checkpoint(path),)
    first.fit(loader(), 1)
    second.fit(loader(), 1, resume=path)
    own, other = first.optimizer.param_groups[0], second.optimizer.param_groups[0]
    assert {**own, "params": 0} == {**other, "params": 0}
    assert type(other["betas"]) is tuple

"""fit(resume=...) with other options than the checkpoint's names them, with both values."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

import minicnn as mc
from minicnn import cli, data, io, nn, ops, optim, train
from minicnn.train import CheckpointError, EarlyStopping, LearningRate, checkpoint_file


def loader(**options) -> data.DataLoader:
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(22, 1, 4, 4)).astype(np.float32)
    dataset = data.ArrayDataset(pixels, np.arange(22) % 2)
    return data.DataLoader(dataset, **{"batch_size": 8, "shuffle": True, "seed": 1, **options})


DEFAULTS = {"lr": 0.1, "momentum": 0.9, "patience": 5, "metric": "val_loss", "gamma": 0.5}


def trainer(schedule=None, loss=ops.cross_entropy, clip_norm=1.0, **options) -> train.Trainer:
    chosen = DEFAULTS | options
    mc.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    optimizer = optim.SGD(model.parameters(), lr=chosen["lr"], momentum=chosen["momentum"])
    made = schedule(optimizer) if schedule else optim.StepLR(optimizer, 1, chosen["gamma"])
    callbacks = [
        LearningRate(made),
        EarlyStopping(chosen["metric"], patience=chosen["patience"]),
    ]
    return train.Trainer(model, optimizer, loss, callbacks=callbacks, clip_norm=clip_norm)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run.ckpt"
    saved = trainer()
    saved.callbacks += (train.Checkpoint(path),)
    saved.fit(loader(), 2, validation=loader())
    return path


class Scaled:
    def __call__(self, images):
        return images / 2


CASES = {
    "lr": ({"lr": 0.01}, {}, r"StepLR initial_lrs: \[0\.1\] in the checkpoint, \[0\.01\] here"),
    "momentum": ({"momentum": 0.8}, {}, "SGD momentum: 0.9 in the checkpoint, 0.8 here"),
    "two": (
        {"lr": 0.01, "patience": 3},
        {"batch_size": 4},
        "train batch_size: 8 in the checkpoint, 4 here; .*StepLR initial_lrs: .*; EarlyStopping "
        "patience: 5 in the checkpoint, 3 here",
    ),
    "schedule": ({"gamma": 0.9}, {}, "StepLR gamma: 0.5 in the checkpoint, 0.9 here"),
    "clip_norm": ({"clip_norm": None}, {}, "clip_norm: 1.0 in the checkpoint, None here"),
    "metric": ({"metric": "loss"}, {}, "EarlyStopping metric: 'val_loss' in .*, 'loss' here"),
    "loss": (
        {"loss": functools.partial(ops.cross_entropy, label_smoothing=0.1)},
        {},
        r"loss: 'cross_entropy' in .*, 'functools\.partial\(.*label_smoothing=0\.1\)' here",
    ),
    "transform": ({}, {"transform": Scaled()}, "train transform: None in .*Scaled object"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("memory", [False, True])
def test_options_that_differ_are_named(path, case, memory):
    options, changed, message = CASES[case]
    other = trainer(**options)
    before = other.model.state_dict()
    resume = train.checkpoint_file.read_checkpoint(path) if memory else path
    with pytest.raises(ValueError, match=message) as caught:
        other.fit(loader(**changed), 3, validation=loader(), resume=resume)
    assert isinstance(caught.value, CheckpointError) is not memory
    assert "load_weights(path)" in str(caught.value)
    np.testing.assert_equal(other.model.state_dict(), before)
    assert other.optimizer.param_groups[0]["lr"] == options.get("lr", 0.1)


def test_a_training_without_validation(path):
    other = trainer(metric="loss")
    with pytest.raises(CheckpointError, match="validation: True in the checkpoint, False here"):
        other.fit(loader(), 3, resume=path)


def test_a_schedule_that_was_made_for_another_number_of_epochs(tmp_path):
    def cycle(epochs):
        return trainer(schedule=lambda o: optim.OneCycleLR(o, 0.1, epochs * 3))

    path = tmp_path / "run.ckpt"
    saved = cycle(2)
    saved.callbacks += (train.Checkpoint(path),)
    saved.fit(loader(), 2, validation=loader())
    with pytest.raises(CheckpointError, match="OneCycleLR total_steps: 6 in the checkpoint, 9"):
        cycle(3).fit(loader(), 3, validation=loader(), resume=path)


def test_what_schedules_and_training_changed_is_no_difference(path):
    """The rate in the checkpoint is no longer the one that the training began with."""
    again = trainer()
    state = train.checkpoint_file.read_checkpoint(path)
    assert state["optimizer"]["groups"][0]["lr"] == 0.025
    assert len(again.fit(loader(), 3, validation=loader(), resume=path)) == 3
    # Back to the checkpoint, in the Trainer that kept training.
    assert len(again.fit(loader(), 4, validation=loader(), resume=path)) == 4
    # The state of a second fit, after the rate was lowered by hand.
    again.optimizer.param_groups[0]["lr"] = 0.001
    again.fit(loader(), 1, validation=loader())
    assert len(trainer().fit(loader(), 2, validation=loader(), resume=again.state_dict())) == 6


def test_groups_and_two_callbacks_of_a_class():
    def grouped(rate, patience):
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        groups = [{"params": [model[1].weight]}, {"params": [model[1].bias], "lr": rate}]
        stopping = [EarlyStopping("loss", 9), EarlyStopping("accuracy", patience)]
        return train.Trainer(model, optim.Adam(groups), callbacks=stopping)

    saved = grouped(0.2, 9)
    saved.fit(loader(), 1)
    state = saved.state_dict()
    with pytest.raises(ValueError, match=r"Adam group 1 lr: 0\.2 .*, 0\.3 here\. Leave them"):
        grouped(0.3, 9).fit(loader(), 2, resume=state)
    with pytest.raises(ValueError, match="options: EarlyStopping patience': 9 in .*, 8 here"):
        grouped(0.2, 8).fit(loader(), 2, resume=state)
    assert len(grouped(0.2, 9).fit(loader(), 2, resume=state)) == 2


def test_a_loaded_state_may_be_trained_with_other_options(path):
    other = trainer(lr=0.01, patience=99)
    other.load_state_dict(train.checkpoint_file.read_checkpoint(path))
    assert len(other.fit(loader(batch_size=4), 1, validation=loader())) == 3


def test_a_callback_may_declare_options(tmp_path):
    class Noise(train.Callback):
        resume_options = ("level",)

        def __init__(self, level, path="unimportant"):
            self.level, self.path = np.float32(level), path

    saved = trainer()
    saved.callbacks += (Noise(0.5),)
    saved.fit(loader(), 1, validation=loader())
    other = trainer()
    other.callbacks += (Noise(0.25, "elsewhere"),)
    with pytest.raises(ValueError, match=r"options: Noise level: 0\.5 in .*, 0\.25 here\."):
        other.fit(loader(), 2, validation=loader(), resume=saved.state_dict())


def test_a_checkpoint_of_a_version_that_did_not_write_them(path, tmp_path):
    arrays, metadata = io.load_with_metadata(path)
    del metadata["sha256"]
    tree = json.loads(metadata["state"])
    del tree["options"]
    metadata["state"] = json.dumps(tree)
    old = tmp_path / "old.ckpt"
    io.save(old, arrays, {**metadata, "sha256": checkpoint_file._digest(arrays, metadata)})
    assert len(trainer(lr=0.01).fit(loader(), 3, validation=loader(), resume=old)) == 3


def test_the_command_line_names_them_too(tmp_path, monkeypatch, capsys):
    load = data.load
    monkeypatch.chdir(tmp_path)  # where the weights are saved
    monkeypatch.setattr(data, "load", lambda name: [p.subset(slice(64)) for p in load(name)])
    path = str(tmp_path / "run.ckpt")
    command = ["train", "lenet5", "--data", "digits", "--checkpoint", path]
    assert cli.main([*command, "--epochs", "1", "--lr", "0.01"]) == 0
    for lr, status in (([], 2), (["--lr", "0.02"], 2), (["--lr", "0.01"], 0)):
        assert cli.main([*command, "--epochs", "2", *lr, "--resume", path]) == status
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "Adam lr: 0.01 in the checkpoint, 0.001 here" in errors[0]
    assert "Adam lr: 0.01 in the checkpoint, 0.02 here" in errors[1]


def test_a_rate_that_the_user_changed_between_two_fits_counts():
    def make(lr):
        mc.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        return train.Trainer(model, optim.SGD(model.parameters(), lr=lr))

    saved = make(0.1)
    saved.fit(loader(), 1)
    saved.optimizer.param_groups[0]["lr"] = 0.01
    saved.fit(loader(), 1)
    state = saved.state_dict()
    make(0.01).fit(loader(), 2, resume=state)
    with pytest.raises(ValueError, match="SGD lr: 0.01 in the checkpoint, 0.1 here"):
        make(0.1).fit(loader(), 2, resume=state)


def plateau(optimizer):
    return optim.ReduceLROnPlateau(optimizer, patience=0, threshold=0.99)


@pytest.mark.parametrize("schedule", [None, plateau])
def test_other_options_changed_between_two_fits_count_where_a_schedule_owns_the_rate(schedule):
    saved = trainer(schedule)
    saved.fit(loader(), 3, validation=loader())
    assert saved.optimizer.param_groups[0]["lr"] < 0.1
    saved.optimizer.param_groups[0]["momentum"], saved.callbacks[1].patience = 0.5, 9
    saved.fit(loader(), 1, validation=loader())
    state = saved.state_dict()
    again = trainer(schedule, momentum=0.5, patience=9)
    again.fit(loader(), 1, validation=loader(), resume=state)
    saved.fit(loader(), 1, validation=loader(), resume=state)
    with pytest.raises(ValueError, match=r"SGD momentum: 0\.5 in .*, 0\.9 here; .*patience: 9 in"):
        trainer(schedule).fit(loader(), 1, validation=loader(), resume=state)
    other = trainer(schedule, lr=0.01, momentum=0.5, patience=9)
    with pytest.raises(ValueError, match=r"LR\w* initial_lrs: \[0\.1\] in .*, \[0\.01\] here\."):
        other.fit(loader(), 1, validation=loader(), resume=state)


def test_a_cycle_owns_the_momentum_but_not_the_second_beta():
    def make(beta=0.999):
        mc.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        optimizer = optim.Adam(model.parameters(), betas=(0.9, beta))
        cycle = optim.OneCycleLR(optimizer, 0.1, 12)
        return train.Trainer(model, optimizer, callbacks=[LearningRate(cycle, "batch")])

    saved = make()
    saved.fit(loader(), 1)
    state = saved.state_dict()
    for same in (saved, make()):
        assert len(same.fit(loader(), 2, resume=state)) == 2
    with pytest.raises(
        ValueError, match=r"options: Adam betas\[1\]: 0\.999 in .*, 0\.99 here\. Leave them"
    ):
        make(0.99).fit(loader(), 2, resume=state)


class Halves(train.Callback):
    """A schedule of the user's own."""

    def on_epoch_end(self, trainer, epoch, row):
        trainer.optimizer.param_groups[0]["lr"] /= 2


def halving(lr=0.1):
    mc.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    optimizer = optim.SGD(model.parameters(), lr=lr)
    return train.Trainer(model, optimizer, callbacks=[Halves()])


def test_what_a_callback_changes_counts_as_it_was_when_the_fit_began():
    saved = halving()
    saved.fit(loader(), 2)
    state = saved.state_dict()
    assert state["optimizer"]["groups"][0]["lr"] == 0.025
    with pytest.raises(ValueError, match="SGD lr: 0.1 in the checkpoint, 0.025 here"):
        halving(0.025).fit(loader(), 3, resume=state)
    assert len(halving().fit(loader(), 3, resume=state)) == 3
    # In the same Trainer, only if the callback tells that it changes the rate.
    with pytest.raises(ValueError, match="SGD lr: 0.1 in the checkpoint, 0.025 here"):
        saved.fit(loader(), 3, resume=state)
    assert saved.state_dict()["options"] == state["options"]


def test_a_callback_may_tell_what_it_changes(monkeypatch):
    monkeypatch.setattr(Halves, "scheduled_options", ("lr",))
    saved = halving()
    saved.fit(loader(), 2)
    for same in (saved, halving()):
        assert len(same.fit(loader(), 3, resume=saved.state_dict())) == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            lambda: (nn.Dropout(0.1), None),
            r"model 1: 'Dropout\(p=0.5\)' in .*, 'Dropout\(p=0.1\)'",
        ),
        (lambda: (nn.Tanh(), None), r"model 1: 'Dropout\(p=0.5\)' in .*, 'Tanh\(\)' here"),
        (
            lambda: (nn.Dropout(0.5), [1.0, 2.0]),
            r"loss: .*=\[1.0, 1.0\].*=\[1.0, 2.0\]",
        ),
    ],
)
def test_layers_and_class_weights_that_differ(changed, message):
    def make(layer, weight):
        model = nn.Sequential(nn.Flatten(), layer, nn.Linear(16, 2))
        loss = nn.CrossEntropyLoss(np.array(weight or [1.0, 1.0], np.float32))
        return train.Trainer(model, optim.SGD(model.parameters(), lr=0.1), loss)

    saved = make(nn.Dropout(0.5), None)
    saved.fit(loader(), 1)
    with pytest.raises(ValueError, match=message):
        make(*changed()).fit(loader(), 2, resume=saved.state_dict())
    make(nn.Dropout(0.5), None).fit(loader(), 2, resume=saved.state_dict())

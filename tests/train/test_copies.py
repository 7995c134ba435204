"""Copied and unpickled, a training continues bit for bit like the original."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, nn, ops, optim, train

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {k}": lambda x, k=k: pickle.loads(pickle.dumps(x, k)) for k in (2, 4, 5)},
}

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
    "adadelta": optim.Adadelta,
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "groups": lambda p: optim.Adam([{"params": p[:2]}, {"params": p[2:], "lr": 0.02}]),
}


def net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2)
    )


def step(model, optimizer, seed) -> None:
    x = np.random.default_rng(seed).normal(size=(6, 1, 4, 4)).astype(np.float32)
    optimizer.zero_grad()
    device = next(model.parameters()).device
    ops.cross_entropy(model(mc.tensor(x, device=device)), [0, 1] * 3).backward()
    optimizer.step()


def bits(model) -> list[bytes]:
    return [array.tobytes() for array in model.state_dict().values()]


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_with_its_optimizer(kind, name, device):
    mc.manual_seed(0)
    model = net().to(device)
    optimizer = OPTIMIZERS[name](list(model.parameters()))
    for i in range(3):
        step(model, optimizer, i)
    both = (model, optimizer)
    twin, twins = map(COPIES[kind], both) if kind == "copy" else COPIES[kind](both)
    assert {p.device for p in twin.parameters()} == {device}
    weight = next(twin.parameters()).data
    for i in range(3, 5):
        step(twin, twins, i)
    assert weight is next(twin.parameters()).data  # it was a view into the flat buffer already
    if kind == "copy":  # shared, as a shallow copy is
        assert bits(twin) == bits(model)
        return
    assert bits(twin) != bits(model)
    for i in range(3, 5):
        step(model, optimizer, i)
    assert bits(twin) == bits(model)
    states = [o.state_dict()["state"] for o in (optimizer, twins)]
    np.testing.assert_equal(states[0], states[1])


@pytest.mark.parametrize("kind", [k for k in COPIES if k != "copy"])
def test_between_backward_and_step(kind, batches, make):
    """The gradient comes along: without it the first step of the copy would be none."""
    trainer = make()
    x, y = batches[0]
    ops.cross_entropy(trainer.model(x), y).backward()
    twin = COPIES[kind](trainer)
    for each in (trainer, twin):
        each.optimizer.step()
    assert bits(twin.model) == bits(trainer.model)


def make_trainer() -> tuple[train.Trainer, data.DataLoader]:
    mc.manual_seed(0)
    model = net()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    dataset = data.ArrayDataset(rng.integers(0, 256, (22, 4, 4), np.uint8), rng.integers(0, 2, 22))
    schedule = optim.LinearWarmup(optimizer, 2, optim.OneCycleLR(optimizer, 0.1, 60))
    callbacks = [
        train.LearningRate(schedule, "batch"),
        train.EarlyStopping("loss", patience=9, restore_best=True),
        train.ProgressBar(),
    ]
    loader = data.DataLoader(
        dataset, 8, shuffle=True, seed=1, transform=data.transforms.RandomShift(1)
    )
    return train.Trainer(model, optimizer, callbacks=callbacks, clip_norm=1.0), loader


def same(one, other) -> None:
    """The states are equal, exactly, except for the seconds."""
    states = [trainer.state_dict() for trainer in (one, other)]
    for state in states:
        state["history"] = [row["loss"] for row in state["history"]]
    for part in ("model", "optimizer", "callbacks", "history"):
        np.testing.assert_equal(states[0][part], states[1][part])


@pytest.mark.parametrize("kind", [k for k in COPIES if k != "copy"])
def test_a_trainer_with_schedule_callbacks_and_loader(kind, capsys):
    trainer, loader = make_trainer()
    trainer.fit(loader, 2)
    twin, twins = COPIES[kind]((trainer, loader))
    assert repr(twin.history) == repr(trainer.history)
    mc.manual_seed(5)  # the global generator belongs to neither
    trainer.fit(loader, 2)
    mc.manual_seed(5)
    twin.fit(twins, 2)
    same(twin, trainer)
    assert len(twin.history) == 4


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def __reduce_ex__(self, protocol):
        raise TypeError("a terminal cannot be pickled")


def test_a_progress_bar_that_was_shown(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    trainer, loader = make_trainer()
    trainer.fit(loader, 1)
    assert "epoch 1/1" in terminal.getvalue()
    same(pickle.loads(pickle.dumps(trainer)), trainer)


PROGRAM = """
import pickle, sys
import minicnn as mc
trainer, loader = pickle.load(open(sys.argv[1], "rb"))
mc.manual_seed(5)
trainer.fit(loader, 2)
pickle.dump(trainer, open(sys.argv[1], "wb"))
"""


def test_in_another_process(tmp_path, capsys):
    path = tmp_path / "trainer.pickle"
    trainer, loader = make_trainer()
    trainer.fit(loader, 2)
    path.write_bytes(pickle.dumps((trainer, loader)))
    subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True, capture_output=True)
    mc.manual_seed(5)
    trainer.fit(loader, 2)
    same(pickle.loads(path.read_bytes()), trainer)


def test_an_optimizer_alone_takes_its_parameters_with_it():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="none of its 6 parameters belongs to the model"):
        train.Trainer(model, copy.deepcopy(optimizer))


def test_a_schedule_and_a_running_loader():
    trainer, loader = make_trainer()
    next(iter(loader))
    twin = copy.deepcopy(loader)
    assert [y.data.tolist() for _, y in loader] == [y.data.tolist() for _, y in twin]
    schedule = trainer.callbacks[0].schedule
    schedule.step()
    twin = pickle.loads(pickle.dumps(schedule))
    for each in (schedule, twin):
        each.step()
    assert twin.get_last_lr() == schedule.get_last_lr()
    assert twin.optimizer.param_groups[0]["lr"] == trainer.optimizer.param_groups[0]["lr"]

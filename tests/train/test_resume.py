"""Trainer.fit(resume=...): interrupted, a training ends with the same bits."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, nn, ops, optim, train
from minicnn.backend.random import generator

# The optimizer of make_trainer leaves out the normalisation.
pytestmark = pytest.mark.filterwarnings("ignore:fit. .* are not in the optimizer")

EPOCHS, BATCHES = 3, 4


def noise(images: np.ndarray) -> np.ndarray:
    return images + generator().normal(0, 0.1, images.shape).astype(np.float32)


class Copies(train.Callback):
    """Keeps every checkpoint under a name of its own."""

    rank = 3

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint, self.paths = checkpoint, []

    def on_batch_end(self, trainer, images, means):
        self._copy()

    def on_epoch_end(self, trainer, epoch, row):
        self._copy()

    def _copy(self):
        self.paths.append(self.checkpoint.with_name(f"{len(self.paths)}.copy"))
        shutil.copy(self.checkpoint, self.paths[-1])


class Drawing(train.Callback):
    """Draws random numbers, and reads another epoch from the training data in the middle of one."""

    def on_fit_begin(self, trainer, epochs):
        generator().random()

    def on_epoch_begin(self, trainer, epoch, batches):
        generator().random()

    def on_batch_end(self, trainer, images, means):
        if trainer.progress.batch == 2:
            next(iter(trainer.progress.train))


SCHEDULES = {
    "none": None,
    "epoch": lambda o: (optim.LinearWarmup(o, 1, after=optim.StepLR(o, 1, 0.5)), "epoch"),
    "batch": lambda o: (optim.OneCycleLR(o, 0.05, total_steps=EPOCHS * BATCHES), "batch"),
    "plateau": lambda o: (optim.ReduceLROnPlateau(o, patience=0, threshold=0.5), "epoch"),
}


def loaders(seed: int | None = None, batch_size: int = 6) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (22, 4, 4), np.uint8)
    dataset = data.ArrayDataset(images, rng.integers(0, 2, 22))
    shuffled = data.DataLoader(dataset, batch_size, shuffle=True, seed=seed, transform=noise)
    return shuffled, data.DataLoader(dataset, 9, shuffle=True, seed=seed)


def make_trainer(device: str = "cpu", schedule: str = "none", callbacks=()) -> train.Trainer:
    mc.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Tanh(), nn.Dropout(0.3), nn.Flatten(),
        nn.Linear(8, 2),
    )  # fmt: skip
    # The optimizer leaves out the normalisation, whose gradients are neither reset nor saved.
    optimizer = optim.Adam(
        [{"params": model[0].parameters()}, {"params": model[5].parameters(), "lr": 0.03}]
    )
    first = []
    if SCHEDULES[schedule]:
        made, every = SCHEDULES[schedule](optimizer)
        first = [train.LearningRate(made, every)]
    # The Checkpoint comes first in the list, but has to be called last.
    all_callbacks = [*callbacks, *first, train.EarlyStopping(patience=9, restore_best=True)]
    return train.Trainer(model, optimizer, device=device, callbacks=all_callbacks, clip_norm=0.5)


def final(trainer: train.Trainer) -> dict[str, Any]:
    """The final state of a training, without the times."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if "second" not in k}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        if isinstance(value, np.ndarray):
            return [str(value.dtype), value.shape, value.tobytes()]
        return value

    return plain(trainer.state_dict())


def resumed(path: Path, device: str, seed: int | None, schedule: str) -> dict[str, Any]:
    trainer = make_trainer(device, schedule, [Drawing()])
    mc.manual_seed(99)
    loader, validation = loaders(seed)
    trainer.fit(loader, EPOCHS, validation=validation, resume=path)
    return final(trainer)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_from_every_batch_and_every_epoch(tmp_path, device, seed, schedule):
    plain = make_trainer(device, schedule, [Drawing()])
    loader, validation = loaders(seed)
    plain.fit(loader, EPOCHS, validation=validation)
    expected = final(plain)

    path = tmp_path / "run.ckpt"
    copies = Copies(path)
    checkpoint = train.Checkpoint(path, every_batches=1)
    trainer = make_trainer(device, schedule, [copies, checkpoint, Drawing()])
    loader, validation = loaders(seed)
    trainer.fit(loader, EPOCHS, validation=validation)
    assert final(trainer) == expected
    assert len(copies.paths) == EPOCHS * (BATCHES + 1)

    few = copies.paths if device == "cpu" else copies.paths[1::5]
    for copy in few:
        assert resumed(copy, device, seed, schedule) == expected, copy.name


class States(train.Callback):
    """Keeps the state of the training after every batch and epoch."""

    rank = 3

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    def on_batch_end(self, trainer, images, means):
        self.states.append(trainer.state_dict())

    def on_epoch_end(self, trainer, epoch, row):
        self.states.append(trainer.state_dict())


def test_from_a_state_in_memory():
    states = States()
    trainer = make_trainer(schedule="batch", callbacks=[states])
    loader, validation = loaders(seed=5)
    trainer.fit(loader, EPOCHS, validation=validation)
    assert len(states.states) == EPOCHS * (BATCHES + 1)
    for state in (*states.states[::4], states.states[-1]):  # later training changes none of them
        again = make_trainer(schedule="batch")
        mc.manual_seed(99)
        loader, validation = loaders(seed=5)
        again.fit(loader, EPOCHS, validation=validation, resume=state)
        assert final(again) == final(trainer)


def test_a_loaded_state_is_trained_further():
    """With orders from the global generator, two fits are one training."""
    trainer, again = make_trainer(), make_trainer()
    trainer.fit(loaders()[0], 2, loaders()[1])
    again.load_state_dict(trainer.state_dict())
    of_the_call = {"progress": 0, "options": 0}
    assert final(again) | of_the_call == final(trainer) | of_the_call
    random_state = generator().bit_generator.state
    trainer.fit(loaders()[0], 1, loaders()[1])
    generator().bit_generator.state = random_state
    assert len(again.fit(loaders()[0], 1, loaders()[1])) == 3
    assert final(again) == final(trainer)


def test_a_state_that_does_not_fit_changes_nothing():
    first, second = make_trainer(), make_trainer()
    first.fit(loaders()[0], 1, loaders()[1])
    state, before = first.state_dict(), final(second)
    wrong = {
        "model": (state["model"] | {"5.bias": np.zeros(3)}, r"another model: 5\.bias is float64"),
        "optimizer": (
            state["optimizer"] | {"class": "SGD"},
            "optimizer: SGD, this Trainer's",
        ),
        "history": (None, "history: got None, expected a list"),
    }
    for name, (value, message) in wrong.items():
        with pytest.raises(ValueError, match=f"^state dict: .*{message}"):
            second.load_state_dict({**state, name: value})
        assert final(second) == before


def everything(trainer: train.Trainer, *batches: Any) -> tuple[Any, ...]:
    """All that a resume that fails has to leave as it was."""
    loaders = [loader for loader in batches if isinstance(loader, data.DataLoader)]
    places = [(loader.epoch, [] if loader.order is None else [*loader.order]) for loader in loaders]
    return final(trainer), trainer.progress, places, [*trainer.history.rows]


class Refusing(train.Callback):
    """Has a state, loses it when one is loaded, and raises then."""

    error: BaseException | None = None

    def state_dict(self) -> dict[str, Any]:
        return {} if self.error else {"some": 1}

    def load_state_dict(self, state_dict: Any) -> None:
        self.error = None if self.error else KeyboardInterrupt()

    def check_loaded(self, trainer: train.Trainer) -> None:
        if self.error:
            raise self.error


@pytest.mark.parametrize("wrong", ["form", "options", "generator", "order", "weights", "ctrl-c"])
def test_a_resume_that_fails_leaves_all_as_it_was(wrong: str, tmp_path: Path) -> None:
    """The loaders, their orders and the position too; in the middle of an epoch; with Ctrl-C."""
    states, batches = States(), loaders(seed=5)
    trainer = make_trainer(schedule="batch", callbacks=[states, Refusing()])
    trainer.fit(batches[0], EPOCHS - 1, batches[1])
    state = states.states[1]
    if wrong == "form":
        state["stopped"] = "no"
    elif wrong == "options":
        state["options"]["clip_norm"] = 3.0
    elif wrong == "generator":
        state["generator"]["state"]["inc"] = 2
    elif wrong == "order":
        state["progress"]["train"]["order"] = np.zeros(22, np.int64)
    elif wrong == "weights":
        state["model"]["1.running_var"][0] = -1
    trainer.stop_training = True
    graph = trainer.model(mc.tensor(np.ones((1, 1, 4, 4), np.float32))).sum()
    before = everything(trainer, *batches)
    with pytest.raises(KeyboardInterrupt if wrong == "ctrl-c" else ValueError):
        trainer.fit(batches[0], EPOCHS, batches[1], resume=state)
    assert everything(trainer, *batches) == before
    if wrong in ("form", "options", "weights"):  # refused before anything was written
        graph.backward()


def test_a_fit_that_is_refused_leaves_the_position() -> None:
    trainer, batches = make_trainer(), loaders()
    trainer.fit(batches[0], 1, batches[1])
    before = everything(trainer, *batches)
    with pytest.raises(ValueError, match="val_loss needs fit"):
        trainer.fit(loaders()[0], 1)
    assert everything(trainer, *batches) == before


def test_a_state_that_is_refused_after_ctrl_c_in_an_epoch_of_a_list() -> None:
    """Nothing else than a DataLoader could load such a position; it is put back without."""

    class Interrupting(train.Callback):
        def on_batch_end(self, trainer, images, means):
            raise KeyboardInterrupt

    trainer, batches = make_trainer(callbacks=[Interrupting()]), list(loaders()[0])
    state = trainer.state_dict()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(batches, 2, batches)
    before = everything(trainer)
    state["model"]["0.weight"][0] = np.nan
    with pytest.raises(ValueError, match="infinity in 0.weight"):
        trainer.load_state_dict(state)
    assert everything(trainer) == before


def test_from_a_checkpoint_that_was_itself_resumed(tmp_path):
    path = tmp_path / "run.ckpt"
    loader, validation = loaders()
    expected = make_trainer()
    expected.fit(loader, 4, validation=validation)
    for epochs in (1, 2, 2, 4):
        trainer = make_trainer(callbacks=[train.Checkpoint(path)])
        loader, validation = loaders()
        resume = path if path.exists() else None
        history = trainer.fit(loader, epochs, validation=validation, resume=resume)
        assert len(history) == epochs
    assert final(trainer) == final(expected)


def test_checkpoints_move_between_devices(tmp_path, device):
    path = tmp_path / "run.ckpt"
    trainer = make_trainer(device, "batch", [train.Checkpoint(path)])
    trainer.fit(loaders()[0], 1, loaders()[1])
    there = make_trainer("cpu", "batch")
    there.fit(loaders()[0], 1, loaders()[1], resume=path)  # nothing is left to do
    assert final(there) == final(trainer)
    back = make_trainer("cpu", "batch", [train.Checkpoint(path)])
    back.fit(loaders()[0], 1, loaders()[1])
    here = make_trainer(device, "batch")
    here.fit(loaders()[0], 1, loaders()[1], resume=path)
    assert final(here) == final(back)
    assert {p.device for p in here.model.parameters()} == {device}
    here.fit(loaders()[0], 2, loaders()[1], resume=path)
    assert len(here.history) == 2


def test_the_time_of_an_epoch_is_that_of_both_parts(tmp_path):
    path = tmp_path / "run.ckpt"
    copies = Copies(path)
    trainer = make_trainer(callbacks=[train.Checkpoint(path, every_batches=1), copies])
    loader, validation = loaders()
    trainer.fit(loader, 1, validation)
    saved = json.loads(mc.io.load_with_metadata(copies.paths[2])[1]["state"])["progress"]
    assert saved["batch"] == 3
    assert 0 < saved["seconds"] < trainer.history["seconds"][0]
    again = make_trainer()
    again.fit(loader, 1, validation, resume=copies.paths[2])
    assert again.history["seconds"][0] > saved["seconds"]
    assert again.history["images_per_second"][0] == 22 / again.history["seconds"][0]


def test_data_that_is_no_loader_resumes_between_epochs(tmp_path):
    path = tmp_path / "run.ckpt"
    batches = list(loaders()[0])
    expected = make_trainer()
    expected.fit(batches, 3, validation=batches)
    make_trainer(callbacks=[train.Checkpoint(path)]).fit(batches, 2, validation=batches)
    trainer = make_trainer()
    trainer.fit(batches, 3, validation=batches, resume=path)
    assert final(trainer) == final(expected)


def test_data_that_is_no_loader_has_no_middle(tmp_path):
    path = tmp_path / "run.ckpt"
    batches = list(loaders()[0])
    trainer = make_trainer(callbacks=[train.Checkpoint(path, every_batches=1)])
    with pytest.raises(ValueError, match="every_batches: only a DataLoader .* is a list"):
        trainer.fit(batches, 1, validation=batches)
    assert not path.exists()

    copies = Copies(path)
    trainer = make_trainer(callbacks=[train.Checkpoint(path, every_batches=1), copies])
    trainer.fit(loaders()[0], 1, loaders()[1])
    with pytest.raises(train.CheckpointError, match="middle of epoch 1, where only a DataLoader"):
        make_trainer().fit(batches, 1, batches, resume=copies.paths[1])


def test_validation_without_a_batch_is_an_error_after_an_epoch():
    with pytest.raises(ValueError, match="no batches"):
        make_trainer().fit(loaders()[0], 1, validation=[])


def test_a_training_that_was_stopped_stays_so(tmp_path):
    path = tmp_path / "run.ckpt"

    def stopping() -> train.Trainer:
        trainer = make_trainer(callbacks=[train.Checkpoint(path)])
        trainer.callbacks[-1].patience = 1
        trainer.callbacks[-1].best.min_delta = 1e6
        return trainer

    first, second = stopping(), stopping()
    assert len(first.fit(loaders()[0], 9, loaders()[1])) == 2
    assert len(second.fit(loaders()[0], 9, loaders()[1], resume=path)) == 2
    assert final(first) == final(second)


def test_gradients_are_clipped(device):
    loader, _ = loaders(seed=1)
    trainer = make_trainer(device)
    norms = []

    def measured() -> None:
        grads = [p.grad.numpy() for g in trainer.optimizer.param_groups for p in g["params"]]
        norms.append(float(np.sqrt(sum(np.sum(g.astype(float) ** 2) for g in grads))))
        step()

    step, trainer.optimizer.step = trainer.optimizer.step, measured
    trainer.callbacks, trainer.clip_norm = (), 0.05
    trainer.fit(loader, 1)
    assert norms == pytest.approx([0.05] * BATCHES, rel=1e-4)
    trainer.clip_norm = None
    trainer.fit(loader, 1)
    assert min(norms[BATCHES:]) > 0.06


@pytest.mark.parametrize("value", [0, -1, float("nan"), "1", True])
def test_a_norm_that_is_none(value):
    model = nn.Linear(2, 2)
    error = TypeError if isinstance(value, str | bool) else ValueError
    with pytest.raises(error, match="clip_norm: got .*, expected a number above 0, or inf"):
        train.Trainer(model, optim.SGD(model.parameters(), 0.1), clip_norm=value)


PROGRAM = """
import hashlib, json, os, signal, sys
sys.path.insert(0, sys.argv[1])
import minicnn as mc
from minicnn import train
from test_resume import final, loaders, make_trainer

path, call, count = sys.argv[2], sys.argv[3], int(sys.argv[4])
calls = 0
if call:
    real = getattr(os, call)
    def deadly(*arguments):
        global calls
        calls += 1
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    setattr(os, call, deadly)
callbacks = [train.Checkpoint(path, every_batches=1), train.CSVLogger(path + ".csv")]
trainer = make_trainer(schedule="batch", callbacks=callbacks)
trainer.callbacks[2].schedule = mc.optim.StepLR(trainer.optimizer, 17, 0.9)
loader, validation = loaders(batch_size=2)
resume = path if os.path.exists(path) else None
print("ready", flush=True)
trainer.fit(loader, 9, validation, resume=resume)
rows = [line.split(",") for line in open(path + ".csv").read().splitlines()]
left = [i for i, name in enumerate(rows[0]) if "second" not in name]
print(repr((final(trainer), [[row[i] for i in left] for row in rows])))
"""


def start(path: Path, call: str = "", count: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(path), call]
    process = subprocess.Popen([*command, str(count)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> str:
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("there is no SIGKILL here")
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    process = start(tmp_path_factory.mktemp("whole") / "run.ckpt")
    result = process.communicate()[0]
    assert process.returncode == 0
    return result


@pytest.mark.parametrize(
    ("call", "count"),
    [("fsync", 1), ("fsync", 21), ("fsync", 22), ("replace", 24)],
    ids=["the first", "content in place", "name in place", "end of an epoch"],
)
def test_killed_in_the_middle_of_a_write(tmp_path, uninterrupted, call, count):
    path = tmp_path / "run.ckpt"
    process = start(path, call, count)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert path.exists() == (count > 1)
    process = start(path)
    assert process.communicate()[0] == uninterrupted
    assert process.returncode == 0


class Temperature(nn.Module):
    """A loss that learns, and has a buffer."""

    def __init__(self, classes):
        self.scale = mc.Parameter(np.ones(1, np.float32))
        self.register_buffer("prior", np.zeros(classes, np.float32))

    def forward(self, outputs, labels):
        self.prior.data[...] += 0.01
        return ops.cross_entropy(outputs * self.scale + self.prior, labels)


def test_a_loss_with_parameters_resumes_with_the_same_bits(batches):
    def make():
        mc.manual_seed(0)
        model, loss = nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), Temperature(2)
        optimizer = optim.Adam([*model.parameters(), *loss.parameters()], lr=0.1)
        return mc.train.Trainer(model, optimizer, loss)

    whole, first, second = make(), make(), make()
    whole.fit(batches, 4)
    first.fit(batches, 2)
    second.fit(batches, 4, resume=first.state_dict())
    for trainer in (whole, second):
        assert trainer.loss.scale.item() != 1
    for name, value in whole.loss.state_dict().items():
        np.testing.assert_array_equal(value, second.loss.state_dict()[name])
    for name, value in whole.model.state_dict().items():
        np.testing.assert_array_equal(value, second.model.state_dict()[name])
    other = make()
    other = mc.train.Trainer(other.model, other.optimizer, nn.CrossEntropyLoss())
    with pytest.raises(ValueError, match="state dict: of another loss: scale is float32"):
        other.load_state_dict(first.state_dict())


def test_the_best_epoch_includes_the_loss(batches):
    mc.manual_seed(0)
    model, loss = nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), Temperature(2)
    optimizer = optim.SGD([*model.parameters(), *loss.parameters()], lr=3.0)
    scales = []

    class Notes(train.Callback):
        added_columns = ()

        def on_epoch_end(self, trainer, epoch, row):
            scales.append(trainer.loss.scale.item())

    stopping = train.EarlyStopping("loss", patience=3, restore_best=True)
    trainer = train.Trainer(model, optimizer, loss, callbacks=[Notes(), stopping])
    trainer.fit(batches, 12)
    assert loss.scale.item() == scales[stopping.best_epoch - 1]


def test_the_best_of_a_metric_of_ones_own(batches, tmp_path):
    def errors(outputs, labels):
        return 1 - ops.accuracy(outputs, labels)

    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    checkpoint = train.Checkpoint(tmp_path / "run.ckpt", keep_best="errors", mode="min")
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    trainer = train.Trainer(model, optimizer, metrics=[errors], callbacks=[checkpoint])
    trainer.fit(batches, 2)
    assert checkpoint.best_path.exists()


def test_without_memory_the_state_is_not_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer()

    def fail(*_: Any) -> None:
        raise MemoryError("for 9 MiB")

    state = trainer.state_dict()
    monkeypatch.setattr(trainer._state, "_check_restored", fail)
    with pytest.raises(MemoryError, match="for 9 MiB"):
        trainer.load_state_dict(state)

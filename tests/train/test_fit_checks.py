"""What Trainer refuses before the first batch: optimizers, data, callbacks, paths, columns."""

from __future__ import annotations

import copy
import errno
import os

import numpy as np
import pytest
from support.missing import skip_without

import minicnn as mc
from minicnn import data, nn, optim
from minicnn.train import (
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    LearningRate,
    ProgressBar,
    Trainer,
)


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2))


# The optimizer


@pytest.mark.parametrize("clipped", [None, 1.0])
def test_an_optimizer_of_another_model_is_refused(clipped):
    old = net()
    optimizer = optim.Adam(old.parameters())
    message = (
        r"^Trainer: optimizer: none of its 4 parameters belongs to the model, .* "
        r"make the optimizer after the model, Adam\(model\.parameters\(\), \.\.\.\)$"
    )
    for model in (net(), copy.deepcopy(old), nn.Flatten()):
        with pytest.raises(ValueError, match=message):
            Trainer(model, optimizer, clip_norm=clipped)


def test_a_model_made_anew_after_the_trainer_is_refused_by_fit(make, batches, recorder):
    trainer = make(callbacks=[recorder])
    trainer.fit(batches, 1)
    trainer.model = net()
    recorder.calls.clear()
    with pytest.raises(ValueError, match="^fit: optimizer: none of its 4 parameters"):
        trainer.fit(batches, 1)
    assert recorder.calls == []


@pytest.mark.parametrize("first", ["optimizer", "trainer"])
def test_a_layer_that_was_replaced_would_never_be_trained(batches, first):
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, optimizer)
    setattr(model, "3", nn.Linear(8, 2))
    message = r"2 of its 4 parameters do not belong to the model, and 3\.weight, 3\.bias of the"
    with pytest.raises(ValueError, match=message):
        Trainer(model, optimizer) if first == "optimizer" else trainer.fit(batches, 1)


@pytest.mark.filterwarnings("ignore:fit. .* are not in the optimizer")
def test_a_part_of_the_model_may_be_trained(batches):
    model = net()
    for layers in ([model[3]], [model[0]], [model[0], model[3]]):
        parameters = [p for layer in layers for p in layer.parameters()]
        assert len(Trainer(model, optim.SGD(parameters, lr=0.1)).fit(batches, 1)) == 1
    groups = [{"params": model[3].parameters()}, {"params": [model[0].bias], "lr": 0.2}]
    assert len(Trainer(model, optim.SGD(groups, lr=0.1)).fit(batches, 1)) == 1


def test_the_loss_may_have_parameters_of_its_own(batches):
    class Scaled(nn.Module):
        def __init__(self):
            self.scale = mc.Parameter(np.ones(1, np.float32))

        def forward(self, outputs, labels):
            return mc.ops.cross_entropy(outputs * self.scale, labels)

    model, loss = net(), Scaled()
    for shown in (loss, lambda outputs, labels: loss(outputs, labels)):
        optimizer = optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
        before = loss.scale.item()
        Trainer(model, optimizer, loss=shown).fit(batches, 1)
        assert loss.scale.item() != before
    # With frozen layers too, if the loss shows its parameters, or the layers say that they are.
    optimizer = optim.SGD([*model[3].parameters(), *loss.parameters()], lr=0.1)
    Trainer(model, optimizer, loss=loss)
    with pytest.raises(ValueError, match=r"1 of its 3 .* requires_grad = False"):
        Trainer(model, optimizer, loss=lambda outputs, labels: loss(outputs, labels))
    for parameter in model[0].parameters():
        parameter.requires_grad = False
    Trainer(model, optimizer, loss=lambda outputs, labels: loss(outputs, labels))


def test_arguments_of_another_kind():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match="model: got SGD, expected a Module"):
        Trainer(optimizer, model)
    with pytest.raises(TypeError, match="optimizer: got the class Adam, not called, expected an"):
        Trainer(model, optim.Adam)
    for callbacks, message in (
        (EarlyStopping(), "got EarlyStopping, expected a list"),
        ([EarlyStopping], "got the class EarlyStopping, not called"),
        ([optim.StepLR(optimizer, 1)], r"got StepLR, .*LearningRate\(schedule\)"),
        ([None], "got None"),
    ):
        with pytest.raises(TypeError, match=f"callbacks: {message}"):
            Trainer(model, optimizer, callbacks=callbacks)


@pytest.mark.parametrize("kind", ["StepLR", "ReduceLROnPlateau", "LinearWarmup"])
def test_a_schedule_of_another_optimizer(make, batches, kind, recorder):
    trainer = make()
    other = optim.SGD(trainer.model.parameters(), lr=0.1)
    schedule = {
        "StepLR": lambda: optim.StepLR(other, 1),
        "ReduceLROnPlateau": lambda: optim.ReduceLROnPlateau(other),
        "LinearWarmup": lambda: optim.LinearWarmup(other, 2, optim.StepLR(other, 1)),
    }[kind]()
    trainer.callbacks = (recorder, LearningRate(schedule))
    with pytest.raises(ValueError, match=f"LearningRate: the {kind} changes another optimizer"):
        trainer.fit(batches, 1, validation=batches)
    assert recorder.calls == []
    with pytest.raises(TypeError, match="LearningRate: schedule: got SGD"):
        LearningRate(other)


# The data

X, Y = np.zeros((4, 1, 4, 4), np.float32), np.zeros(4, int)
DATASET = data.ArrayDataset(X, Y)


class Restarting:
    """An iterator that begins again, as loaders were written once."""

    def __iter__(self):
        self.left = 2
        return self

    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return X, Y


WRONG = {
    "data set": (DATASET, TypeError, "got ArrayDataset, expected batches: DataLoader"),
    "part": (DATASET.subset(slice(2)), TypeError, "got ArrayDataset, expected batches"),
    "array": (X, TypeError, r"got ndarray of shape \(4, 1, 4, 4\), expected batches"),
    "tensor": (mc.tensor(X), TypeError, r"got Tensor of shape \(4, 1, 4, 4\), expected"),
    "share": (0.2, TypeError, "got 0.2, expected batches"),
    "flag": (True, TypeError, "got True, expected batches"),
    "name": ("digits", TypeError, "got 'digits', expected batches"),
    "dict": ({"x": X, "y": Y}, TypeError, "got dict, expected batches"),
    "function": (lambda: [(X, Y)], TypeError, "got function, expected batches"),
    "class": (data.DataLoader, TypeError, "got the class DataLoader, not called"),
    "pair": ((X, Y), ValueError, r"got ndarray of .*expected pairs .*ArrayDataset\(inputs, lab"),
    "arrays": ([X, Y, Y, Y], ValueError, ".*and 1 more, expected pairs"),
    "nothing": ([], ValueError, "got no batches"),
    "generator": (((X, Y) for _ in range(3)), ValueError, "got a generator, .* one epoch only"),
    "iterator": (iter([(X, Y)]), ValueError, "got a list_iterator, .* one epoch only, .* is 2"),
    "zip": (zip([X], [Y], strict=True), ValueError, "got a zip, whose batches"),
}


@pytest.mark.parametrize("role", ["train", "validation"])
@pytest.mark.parametrize("case", WRONG)
def test_data_of_the_wrong_kind(make, batches, recorder, role, case):
    wrong, error, message = WRONG[case]
    trainer = make(callbacks=[recorder])
    given = {"train": batches, "validation": batches, role: wrong}
    with pytest.raises(error, match=f"^fit: {role}: {message}"):
        trainer.fit(given["train"], 2, validation=given["validation"])
    assert recorder.calls == []


def test_train_may_not_be_none_and_evaluate_checks_too(make):
    with pytest.raises(TypeError, match="^fit: train: got None, expected batches"):
        make().fit(None, 1)
    for wrong, error, message in (WRONG["array"], WRONG["pair"], WRONG["data set"]):
        with pytest.raises(error, match=f"^evaluate: data: {message}"):
            make().evaluate(wrong)


def test_a_folder_of_images_is_a_data_set(make, tmp_path):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "a").mkdir()
    image.new("L", (4, 4)).save(tmp_path / "a" / "1.png")
    folder = data.ImageFolder(tmp_path, (4, 4), 1)
    with pytest.raises(TypeError, match="got ImageFolder, expected batches: DataLoader"):
        make().fit(folder, 1)


def test_iterators_that_begin_again_and_those_for_one_epoch_are_fine(make, batches):
    assert len(make().fit(Restarting(), 3, validation=Restarting())) == 3
    assert len(make().fit(iter(batches), 1, validation=(batch for batch in batches))) == 1
    assert len(make().fit(tuple(batches), 2, validation=tuple(batches))) == 2


# The columns that callbacks watch


def watchers(metric, optimizer, path):
    plateau = optim.ReduceLROnPlateau(optimizer)
    return {
        "EarlyStopping": lambda: EarlyStopping(metric, mode="min"),
        "Checkpoint": lambda: Checkpoint(path, keep_best=metric),
        "LearningRate": lambda: LearningRate(plateau, metric=metric),
    }


class Prints(Callback):
    def on_epoch_end(self, trainer, epoch, row):
        pass


@pytest.mark.parametrize("name", ["EarlyStopping", "Checkpoint", "LearningRate"])
@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("val_loss", r"got 'val_loss', but an epoch has loss, accuracy, .*validation=\.\.\.\)"),
        ("val_accuracy", "val_accuracy needs fit"),
        ("top5_accuracy", "got 'top5_accuracy', but an epoch has loss, accuracy, seconds, image"),
    ],
)
def test_a_column_that_no_epoch_will_have(make, batches, recorder, tmp_path, name, metric, message):
    trainer, log = make(), tmp_path / "log.csv"
    log.write_text("of the run before")
    watcher = watchers(metric, trainer.optimizer, tmp_path / "run.ckpt")[name]()
    others = [ProgressBar(), CSVLogger(log), *([Prints()] if metric.startswith("val") else [])]
    trainer.callbacks = (*others, watcher)
    with pytest.raises(ValueError, match=f"^{name}: metric: .*{message}"):
        trainer.fit(batches, 2)
    assert log.read_text() == "of the run before"
    assert len(trainer.history) == 0


@pytest.mark.parametrize("name", ["EarlyStopping", "Checkpoint", "LearningRate"])
def test_columns_that_there_are(make, batches, tmp_path, name):
    class Declared(Prints):
        added_columns = ("val_loss",)

        def on_epoch_end(self, trainer, epoch, row):
            row["val_loss"] = 1.0

    class Undeclared(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            row["my_loss"] = 1.0

    for metric, extra, validation in (
        ("loss", None, None),
        ("val_loss", None, batches),
        ("val_loss", Declared(), None),
        ("my_loss", Undeclared(), None),
    ):
        trainer = make()
        watcher = watchers(metric, trainer.optimizer, tmp_path / "run.ckpt")[name]()
        trainer.callbacks = tuple(c for c in (extra, watcher) if c)
        assert len(trainer.fit(batches, 2, validation=validation)) == 2


def test_a_schedule_that_watches_nothing_needs_no_validation(make, batches):
    trainer = make()
    trainer.callbacks = (LearningRate(optim.StepLR(trainer.optimizer, 1)),)
    assert len(trainer.fit(batches, 1)) == 1


# The files


@pytest.mark.parametrize("kind", [CSVLogger, Checkpoint])
def test_paths_that_are_none(kind):
    for path in (1, None, b"x", CSVLogger):
        with pytest.raises(TypeError, match=f"^{kind.__name__}: path: got .*a string or a Path"):
            kind(path)
    with pytest.raises(ValueError, match=f"^{kind.__name__}: path: got '', expected the path"):
        kind("")


@pytest.mark.parametrize("kind", [CSVLogger, Checkpoint])
def test_files_that_cannot_be_written(make, batches, recorder, tmp_path, monkeypatch, kind):
    name = kind.__name__
    missing = tmp_path / "no" / "run"
    for path, error, message in (
        (
            missing,
            FileNotFoundError,
            f"{missing}: there is no folder {missing.parent}; make it first",
        ),
        (tmp_path, IsADirectoryError, f"{tmp_path}: is a folder, expected a file"),
    ):
        with pytest.raises(error, match=f"^{name}: {message}"):
            make(callbacks=[recorder, kind(path)]).fit(batches, 1)

    def denied(**_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(mc.io.tempfile, "TemporaryFile", denied)
    with pytest.raises(PermissionError, match=rf"^{name}: .*run: cannot be written \(Permission"):
        make(callbacks=[recorder, kind(tmp_path / "run")]).fit(batches, 1)
    assert recorder.calls == []
    assert list(tmp_path.iterdir()) == []


def test_the_best_checkpoint_needs_its_place_too(make, batches, tmp_path):
    (tmp_path / "run.best.ckpt").mkdir()
    checkpoint = Checkpoint(tmp_path / "run.ckpt", keep_best="loss")
    with pytest.raises(IsADirectoryError, match=r"run\.best\.ckpt: is a folder"):
        make(callbacks=[checkpoint]).fit(batches, 1)


class Full(list):
    """Lines that no longer fit."""

    def __iter__(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullDisk(CSVLogger):
    """The second epoch cannot be written."""

    writes = 0

    def _write(self, mode, lines):
        self.writes += 1
        if self.writes == 3:
            super()._write(mode, [["2", "half a li"]])
            super()._write(mode, Full())
        super()._write(mode, lines)


def test_a_log_that_fails_later_warns_and_is_whole_in_the_end(make, batches, tmp_path):
    skip_without("safetensors")
    log, path = tmp_path / "log.csv", tmp_path / "run.ckpt"
    trainer = make(callbacks=[FullDisk(log), Checkpoint(path)])
    message = r"CSVLogger: .*log\.csv: cannot be written \(No space left on device\); epoch 2"
    with pytest.warns(RuntimeWarning, match=message):
        trainer.fit(batches, 3)
    assert [line.split(",")[0] for line in log.read_text().split()] == ["epoch", "1", "2", "3"]


def test_the_checkpoint_is_written_before_the_log_fails(make, batches, tmp_path):
    """Even where warnings are errors, as they are here."""
    path = tmp_path / "run.ckpt"
    trainer = make(callbacks=[FullDisk(tmp_path / "log.csv"), Checkpoint(path)])
    with pytest.raises(RuntimeWarning, match="not logged"):
        trainer.fit(batches, 3)
    assert len(make().fit(batches, 1, resume=path)) == 2  # of the second epoch already


class Lazy(nn.Module):
    """Makes its last layer in its first forward, when the optimizer has been made."""

    def __init__(self):
        self.first, self.last = nn.Linear(16, 4), None

    def forward(self, x):
        if self.last is None:
            self.last = nn.Linear(4, 2)
        return self.last(self.first(x.reshape(len(x), -1)))


def test_layers_that_come_after_the_optimizer_are_told(batches):
    model = Lazy()
    with pytest.raises(ValueError, match="fit: last.weight, last.bias of the model came after"):
        Trainer(model, optim.SGD(model.parameters(), lr=0.1)).fit(batches, 1)
    for p in model.last.parameters():
        p.requires_grad = False
    Trainer(model, optim.SGD(model.first.parameters(), lr=0.1)).fit(batches, 1)


def test_a_callback_that_forgets_train(make, batches):
    seen = []

    class Plots(Callback):
        def on_batch_end(self, trainer, images, means):
            seen.append(trainer.model.training)
            trainer.model.eval()

    make(callbacks=[Plots()]).fit(batches, 2)
    assert seen == [True] * 6


def test_what_looks_trained_and_is_not_is_told(batches):
    model = net()
    trainer = Trainer(model, optim.SGD(model[3].parameters(), lr=0.1))
    with pytest.warns(UserWarning, match=r"fit: 0.weight, 0.bias of the model require a gradient"):
        trainer.fit(batches, 1)
    for p in model[0].parameters():
        p.requires_grad = False
    trainer.fit(batches, 1)


@pytest.mark.parametrize("named", [True, False])
def test_a_validation_loss_that_a_callback_adds(make, batches, named):
    class Validate(Callback):
        if named:
            added_columns = ("val_loss",)

        def on_epoch_end(self, trainer, epoch, row):
            row["val_loss"] = 1.0

    trainer = make(callbacks=[Validate(), EarlyStopping()])
    if named:
        trainer.fit(batches, 1)
        return
    with pytest.raises(ValueError, match="needs fit.*named in its added_columns"):
        trainer.fit(batches, 1)


def test_a_subclass_that_adds_a_column(make, batches):
    class Watches(EarlyStopping):
        def on_epoch_end(self, trainer, epoch, row):
            row["f1"] = 1.0
            super().on_epoch_end(trainer, epoch, row)

    make(callbacks=[Watches("f1", mode="max")]).fit(batches, 1)


def test_a_method_that_is_never_called():
    with pytest.raises(TypeError, match="Plots: on_epoch_ends is never called, expected on_"):
        type("Plots", (Callback,), {"on_epoch_ends": lambda self: None})


def test_a_loss_that_was_not_made():
    model = net()
    with pytest.raises(TypeError, match="loss: got the class CrossEntropyLoss, not called"):
        Trainer(model, optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([(np.zeros((1, 4, 4), "f4"), 1)], "an image of shape .* with a label of shape .* batches"),
        ([(np.zeros((0, 1, 4, 4), "f4"), np.zeros(0, int))], "a batch of shape .* at least one"),
    ],
)
def test_batches_that_are_none(make, data, message):
    with pytest.raises(ValueError, match=f"data: got {message}"):
        make().fit(data, 1)


def test_bytes_as_labels_of_bytes(make):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 1, 4, 4), np.uint8)
    with pytest.raises(ValueError, match="data: labels: got uint8 in the shape of the images"):
        make().fit([(pixels, pixels.copy())], 1)

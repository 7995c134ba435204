"""Trainer.fit: the loop, its History, and data it has to refuse."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.train import History, Trainer


def test_it_is_the_loop_one_would_write(make, batches):
    trainer, twin = make(), make()
    history = trainer.fit(batches, 3)
    for _ in range(3):
        losses = []
        for x, y in batches:
            loss = ops.cross_entropy(twin.model(x), y)
            twin.optimizer.zero_grad()
            loss.backward()
            twin.optimizer.step()
            losses.append(loss.item() * len(x))
    for name, array in twin.model.state_dict().items():
        np.testing.assert_array_equal(trainer.model.state_dict()[name], array)
    assert history["loss"][-1] == pytest.approx(sum(losses) / 22)


def test_it_learns(make, batches, problem):
    trainer = make()
    history = trainer.fit(batches, 30, validation=batches)
    assert history["loss"][-1] < 0.1 < history["loss"][0]
    assert history["val_accuracy"][-1] == 1
    assert (trainer.predict(problem[0]).data.argmax(1) == problem[1]).all()


def test_history_has_a_row_for_each_epoch(make, batches):
    trainer = make()
    history = trainer.fit(batches, 2, validation=batches[:1])
    assert isinstance(history, History)
    assert history is trainer.history
    assert len(history) == len(history.rows) == 2
    columns = ["loss", "accuracy", "seconds", "images_per_second", "val_loss", "val_accuracy"]
    assert all(list(row) == columns for row in history.rows)
    assert all(type(value) is float for row in history.rows for value in row.values())
    for row in history.rows:
        assert row["images_per_second"] == pytest.approx(22 / row["seconds"])
    assert history["val_loss"][-1] == trainer.evaluate(batches[:1])["loss"]
    assert "2 epochs" in repr(history)
    with pytest.raises(KeyError, match=r"no column 'speed'.*val_loss"):
        history["speed"]


def test_an_empty_history():
    assert repr(History()) == "History(no epochs)"
    assert len(History()) == 0
    assert History()["loss"] == []


@pytest.mark.parametrize("first", [True, False])
def test_a_column_that_only_some_epochs_have_is_nan_in_the_others(make, batches, first):
    trainer = make()
    for validated in (first, not first):
        trainer.fit(batches, 1, validation=batches if validated else None)
    assert len(trainer.history["loss"]) == 2
    assert [math.isnan(value) for value in trainer.history["val_loss"]] == [not first, first]


def test_a_second_fit_continues(make, batches):
    twice, once = make(), make()
    twice.fit(batches, 2)
    history = twice.fit(batches, 3)
    once.fit(batches, 5)
    assert len(history) == 5
    assert history["loss"] == once.history["loss"]


def test_training_means_weigh_the_last_short_batch_by_its_images(make, batches):
    trainer = make(lr=0.0)
    row = trainer.fit(batches, 1).rows[0]
    assert row["loss"] == pytest.approx(trainer.evaluate(batches)["loss"], rel=1e-6)
    assert row["accuracy"] == pytest.approx(trainer.evaluate(batches)["accuracy"], rel=1e-6)


@pytest.mark.parametrize("kind", ["arrays", "lists", "batch-last", "labels int32"])
def test_batches_may_be_arrays(make, batches, kind):
    convert = {
        "arrays": lambda x, y: (x.data, y.data),
        "lists": lambda x, y: [x, y.data.tolist()],
        "batch-last": lambda x, y: (np.asarray(x.data, order="F"), y),
        "labels int32": lambda x, y: (x, y.data.astype(np.int32)),
    }[kind]
    trainer, twin = make(), make()
    trainer.fit([convert(x, y) for x, y in batches], 2)
    assert trainer.history["loss"] == twin.fit(batches, 2)["loss"]


def test_data_loaders_and_generators_are_data_too(make, batches, problem):
    expected = make().fit(batches, 1)["loss"]
    assert make().fit((batch for batch in batches), 1)["loss"] == expected
    loader = mc.data.DataLoader(mc.data.ArrayDataset(*problem), 8)
    assert make().fit(loader, 1)["loss"] == expected


@pytest.mark.parametrize("epochs", [0, -1, 1.0, "3", None, float("nan")])
def test_epochs_that_are_not_a_number_of_epochs(make, batches, epochs, recorder):
    trainer = make(callbacks=[recorder])
    error = ValueError if type(epochs) is int else TypeError
    with pytest.raises(error, match="epochs: got .*, expected an integer of 1 or more"):
        trainer.fit(batches, epochs)
    assert recorder.calls == []


def test_epochs_may_be_a_numpy_integer(make, batches):
    assert len(make().fit(batches, np.int64(2))) == 2


X, Y = np.zeros((3, 1, 4, 4), np.float32), np.zeros(3, int)
WRONG = {
    "nothing": ([], "no batches"),
    "no pairs": ([X, X], "expected pairs"),
    "triples": ([(X, Y, Y)], "expected pairs"),
    "one": ([(X,)], "expected pairs"),
    "text": (["ab"], "expected pairs"),
    "labels too short": ([(X, Y[:2])], r"\(2,\), expected \(3,\)"),
    "labels too long": ([(X, np.zeros(4, int))], r"\(4,\), expected \(3,\)"),
    "labels in a column": ([(X, Y[:, None])], r"\(3, 1\), expected \(3,\)"),
    "class out of range": ([(X, Y + 2)], "class 2"),
    "negative class": ([(X, Y - 1)], "class -1"),
    "no channel axis": ([(X[:, 0], Y)], "four axes"),
    "no images": ([(X[:0], Y[:0])], "(not empty|expected at least one|no elements|0)"),
}


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@pytest.mark.parametrize("case", WRONG)
def test_data_that_cannot_be_learned_from(make, method, case):
    data, message = WRONG[case]
    trainer = make()
    state = trainer.model.state_dict()
    with pytest.raises(ValueError, match=message):
        trainer.fit(data, 1) if method == "fit" else trainer.evaluate(data)
    for name, array in trainer.model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert len(trainer.history) == 0


def test_images_of_another_dtype_are_an_error(make):
    for pixels in (X.astype(np.int64), X.astype(np.float64)):
        with pytest.raises(TypeError, match="conv2d"):
            make().fit([(pixels, Y)], 1)


def test_a_loss_that_is_no_number_stops_training(make, batches, recorder):
    trainer = make(callbacks=[recorder])
    pixels = batches[1][0].data.copy()
    pixels[0, 0, 0, 0] = np.nan
    stopped = pytest.raises(FloatingPointError, match=r"epoch \d is nan.*smaller learning rate")
    with stopped, np.errstate(all="ignore"):
        trainer.fit([batches[0], (pixels, batches[1][1])], 5)
    assert len(trainer.history) < 5
    assert recorder.events[-1] == "epoch_end"


def test_an_infinite_loss_stops_training_too(make, batches):
    def endless(outputs, labels):
        return ops.cross_entropy(outputs, labels) + np.inf

    with pytest.raises(FloatingPointError, match="epoch 1 is inf"):
        make(loss=endless).fit(batches, 5)


def test_any_loss_function_or_module_will_do(make, batches):
    expected = make().fit(batches, 1)["loss"]
    assert make(loss=nn.CrossEntropyLoss()).fit(batches, 1)["loss"] == expected
    smooth = make(loss=nn.CrossEntropyLoss(label_smoothing=0.5)).fit(batches, 1)["loss"]
    assert smooth != expected


def test_it_trains_in_training_mode_and_leaves_it_on(make, batches):
    trainer = make()
    modes = []
    trainer.model[0].register_forward_hook(lambda module, *_: modes.append(module.training))
    trainer.model.eval()
    trainer.fit(batches, 1, validation=batches)
    assert modes == [True] * 3 + [False] * 3
    assert all(m.training for m in trainer.model.modules())


def test_a_device_that_is_not_there():
    model = nn.Linear(1, 1)
    with pytest.raises(mc.DeviceError, match='device "cuda:99": .*(CuPy|GPU)'):
        Trainer(model, mc.optim.SGD(model.parameters()), device="cuda:99")


SCRIPT = """
import hashlib
import minicnn as mc
mc.manual_seed(7)
model = mc.models.lenet5()
loader = mc.data.DataLoader(mc.data.load("digits", "train").subset(slice(200)), 32, shuffle=True,
                            seed=7, transform=mc.data.transforms.Resize(28))
mc.train.Trainer(model, mc.optim.Adam(model.parameters())).fit(loader, 2)
state = b"".join(array.tobytes() for array in model.state_dict().values())
print(hashlib.sha256(state).hexdigest())
"""


def test_the_same_seed_gives_the_same_weights_bit_by_bit_in_any_process(capsys):
    for _ in range(2):
        exec(SCRIPT, {})
    fresh = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    sums = [*capsys.readouterr().out.split(), *fresh.stdout.split()]
    assert len(sums) == 3, fresh.stderr
    assert len(set(sums)) == 1
    exec(SCRIPT.replace("manual_seed(7)", "manual_seed(8)"), {})
    assert capsys.readouterr().out.strip() != sums[0]

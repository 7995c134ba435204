"""NaN and infinity in weights, buffers and optimizer state: told before a good file is lost."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import cli, data, nn, optim
from minicnn.train import Callback, Checkpoint, EarlyStopping, LearningRate, Trainer


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


class Distance(nn.Module):
    """A network whose loss is finite where the gradient of its square root is not."""

    def __init__(self):
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        return self.linear(x) + (self.linear.weight * x.sum()).sum().abs().sqrt()


class Column(Callback):
    def __init__(self, name):
        self.added_columns = (name,)

    def on_epoch_end(self, trainer, epoch, row):
        row[self.added_columns[0]] = float(epoch)


def loader(last_is_zero: bool) -> data.DataLoader:
    images = np.ones((12, 1, 1, 2), np.float32)
    if last_is_zero:
        images[-4:] = 0
    dataset = data.ArrayDataset(images, np.arange(12) % 2)
    return data.DataLoader(dataset, batch_size=4)


def make_trainer(*callbacks, lr=0.1) -> Trainer:
    mc.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), Distance())
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return Trainer(model, optimizer, callbacks=callbacks)


def is_finite(model) -> bool:
    return all(np.isfinite(array).all() for array in model.state_dict().values())


@pytest.mark.parametrize("options", [{}, {"every_batches": 1}, {"keep_best": "loss"}])
def test_nan_weights_from_a_finite_loss_leave_the_checkpoint_as_it_was(tmp_path, options):
    path = tmp_path / "run.ckpt"
    checkpoint = Checkpoint(path, **options)
    trainer = make_trainer(checkpoint)
    trainer.fit(loader(False), 1)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    message = r"NaN or infinity in 1\.linear\.weight \(4 of 4 elements\), "
    with pytest.raises(FloatingPointError, match=message):
        trainer.fit(loader(True), 1)
    assert len(trainer.history) == 1
    if "every_batches" not in options:  # there the first two batches of the epoch were good
        assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before
    model = nn.Sequential(nn.Flatten(), Distance())
    for file in tmp_path.iterdir():
        model.load_state_dict(mc.train.load_weights(file))
        assert is_finite(model)


def test_they_are_told_without_any_callback_and_also_when_training_goes_on():
    trainer = make_trainer()
    with pytest.raises(FloatingPointError, match="fit: epoch 1: .* 1.linear.weight .*detect_an"):
        trainer.fit(loader(True), 3)
    with pytest.raises(FloatingPointError, match="fit: before the first batch: .* 1.linear.weight"):
        trainer.fit(loader(False), 1)


def test_the_best_weights_are_those_before(tmp_path):
    trainer = make_trainer(EarlyStopping("loss", restore_best=True))
    trainer.fit(loader(False), 1)
    with pytest.raises(FloatingPointError):
        trainer.fit(loader(True), 1)

    class Spoil(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            if epoch == 2:
                row["loss"] = np.nan

    # A diverged epoch is never the best, whatever is watched.
    stopping = EarlyStopping("speed", mode="max")
    trainer = make_trainer(Spoil(), Column("speed"), stopping)
    with pytest.raises(FloatingPointError, match="loss of epoch 2 is nan"):
        trainer.fit(loader(False), 3)
    assert stopping.best_epoch == 1


@pytest.mark.filterwarnings("ignore:fit. .* are not in the optimizer")
def test_a_buffer_that_a_batch_spoilt(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2), nn.Linear(2, 2))
    path = tmp_path / "run.ckpt"
    trainer = Trainer(model, optim.SGD(model[2].parameters(), lr=0.0), callbacks=[Checkpoint(path)])
    images = np.zeros((4, 1, 1, 2), np.float32)
    images[0] = 3e38  # the square overflows, in training mode the output is finite
    with pytest.raises(FloatingPointError, match=r"epoch 1: .* 1\.running_var"):
        trainer.fit([(images, np.zeros(4, int))], 1)
    assert not path.exists()
    with pytest.raises(FloatingPointError, match=r"before the first batch: .* 1\.running_var"):
        trainer.fit([(images, np.zeros(4, int))], 1)


def test_optimizer_state_that_stops_a_parameter_for_ever():
    """Adam divides by sqrt(inf): the loss and the weights stay finite, nothing moves any more."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    trainer = Trainer(model, optim.Adam(model.parameters()), loss=lambda x, y: x.mean() * 1e25)
    message = r"Adam's exp_avg_sq of 1\.weight \(4 of 4"
    with pytest.raises(FloatingPointError, match=message):
        trainer.fit(loader(False), 1)
    assert is_finite(model)


def test_weights_of_the_loss_are_seen_too():
    model, loss = nn.Sequential(nn.Flatten(), nn.Linear(2, 2)), nn.Linear(2, 2)
    loss.weight.data[0, 0] = np.nan
    optimizer = optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
    trainer = Trainer(model, optimizer, loss=loss)
    with pytest.raises(FloatingPointError, match="first batch: .* parameter 2 of the optimizer"):
        trainer.fit(loader(False), 1)


def test_what_is_infinite_on_purpose_may_stay_so(tmp_path):
    class Masked(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(2, 2)
            self.register_buffer("mask", np.array([[0, -np.inf], [0, 0]], np.float32))
            self.frozen = mc.Parameter(np.array([np.inf], np.float32), requires_grad=False)

        def forward(self, x):
            return self.linear(x)

    model = nn.Sequential(nn.Flatten(), Masked())
    optimizer = optim.SGD(model[1].linear.parameters(), lr=0.1)
    trainer = Trainer(model, optimizer, callbacks=[Checkpoint(tmp_path / "run.ckpt")])
    assert len(trainer.fit(loader(False), 2)) == 2


def test_a_callback_that_spoils_the_weights_at_the_end():
    class Average(Callback):
        def on_fit_end(self, trainer):
            trainer.model[1].linear.bias.data[...] = np.inf

    with pytest.raises(FloatingPointError, match=r"after the last epoch: .* 1\.linear\.bias"):
        make_trainer(Average()).fit(loader(False), 1)


def test_the_weights_file_of_the_command_line_stays(tmp_path, monkeypatch, capsys):
    path = tmp_path / "lenet.safetensors"
    path.write_bytes(b"good")

    def spoil(optimizer):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.data[...] = np.nan

    monkeypatch.setattr(optim.Adam, "step", spoil)
    monkeypatch.setattr(data, "load", lambda name, part=None: _few(name))
    command = ["train", "lenet5", "--data", "digits", "--epochs", "1", "--weights", str(path)]
    assert cli.main([*command, "--batch-size", "64"]) == 2
    assert "NaN or infinity in " in capsys.readouterr().err
    assert path.read_bytes() == b"good"


_load = data.load


def _few(name):
    train, test = _load(name)
    return train.subset(slice(64)), test.subset(slice(64))


class Broken(optim.Schedule):
    def rate(self, base, step):
        return base if step < 3 else self.value


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1])
@pytest.mark.parametrize("every", ["batch", "epoch"])
def test_a_schedule_that_gives_no_rate_is_named(value, every):
    trainer = make_trainer()
    schedule = Broken(trainer.optimizer)
    schedule.value = value
    trainer.callbacks = (LearningRate(schedule, every),)
    with pytest.raises(ValueError, match=f"Broken: rate after 3 steps: got {value}, expected"):
        trainer.fit(loader(False), 5)
    assert is_finite(trainer.model)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.1


def test_running_statistics_that_a_dry_run_spoilt():
    """They do not count as constants, although they were NaN when the Trainer was made."""
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(4, 2))
    with np.errstate(all="ignore"):
        model(mc.tensor(np.full((2, 1, 2, 2), np.nan, np.float32)))
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(FloatingPointError, match="before the first batch: .*0.running_mean"):
        trainer.fit([(np.ones((2, 1, 2, 2), np.float32), np.zeros(2, int))], 1)


def test_a_mask_that_was_loaded_after_the_trainer_was_made():
    class Masked(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(4, 2)
            self.register_buffer("mask", np.zeros(2, np.float32))

        def forward(self, x):
            return self.fc(x.reshape(len(x), -1)) + self.mask

    model = Masked()
    model.mask.data[0] = np.nan
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(FloatingPointError, match="before the first batch: .* mask"):
        trainer.fit([(np.ones((2, 1, 2, 2), np.float32), np.zeros(2, int))], 1)
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1))
    state = model.state_dict()
    model.load_state_dict({**state, "mask": np.array([0, -np.inf], np.float32)})
    trainer.fit([(np.ones((2, 1, 2, 2), np.float32), np.zeros(2, int))], 1)

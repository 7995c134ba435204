"""Snapshots: which states of a training are kept, and how."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.train import Callback, Checkpoint, EarlyStopping, Snapshots


@pytest.fixture
def data_loader(problem):
    """data_loader(): shuffled batches of 8 images, the same at each call."""
    dataset = mc.data.ArrayDataset(*problem)
    return lambda: mc.data.DataLoader(dataset, 8, shuffle=True, seed=0)


def epochs_of(snapshots: Snapshots) -> list[int]:
    return [epoch for epoch, _ in snapshots.states]


@pytest.mark.parametrize(
    ("k", "epochs", "kept"),
    [
        (2, 5, [0, 5]),
        (3, 4, [0, 2, 4]),
        (4, 10, [0, 3, 7, 10]),
        (8, 3, [0, 1, 2, 3]),
        (3, 1, [0, 1]),
    ],
)
def test_the_start_and_the_last_are_kept_and_others_evenly(make, batches, k, epochs, kept):
    snapshots = Snapshots(k)
    make(callbacks=[snapshots]).fit(batches, epochs)
    assert epochs_of(snapshots) == kept


def test_each_state_is_that_of_the_model_in_float16(make, batches):
    class Weights(Callback):
        def __init__(self):
            self.found = []

        def on_fit_begin(self, trainer, epochs):
            self.found.append(trainer.model.state_dict())

        def on_epoch_end(self, trainer, epoch, row):
            self.found.append(trainer.model.state_dict())

    weights, snapshots = Weights(), Snapshots(8)
    make(callbacks=[weights, snapshots]).fit(batches, 3)
    for (epoch, state), expected in zip(snapshots.states, weights.found, strict=True):
        assert list(state) == list(expected)
        for name, array in state.items():
            assert array.dtype == np.float16
            np.testing.assert_array_equal(array, expected[name].astype(np.float16), str(epoch))


def test_a_second_fit_continues_with_at_most_k_states(make, batches):
    snapshots = Snapshots(4)
    trainer = make(callbacks=[snapshots])
    trainer.fit(batches, 6)
    assert epochs_of(snapshots) == [0, 2, 4, 6]
    start = snapshots.states[0]
    trainer.fit(batches, 3)
    assert epochs_of(snapshots) == [0, 2, 6, 9]
    assert snapshots.states[0] is start
    trainer.fit(batches, 21)
    assert epochs_of(snapshots) == [0, 10, 20, 30]


def test_another_training_begins_again(make, batches):
    snapshots = Snapshots(3)
    make(callbacks=[snapshots]).fit(batches, 4)
    make(callbacks=[snapshots]).fit(batches, 2)
    assert epochs_of(snapshots) == [0, 1, 2]


def test_a_training_that_stops_early_has_its_last_state(make, batches):
    class Stop(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            trainer.stop_training = epoch == 3

    snapshots = Snapshots(3)
    make(callbacks=[snapshots, Stop()]).fit(batches, 20)
    assert epochs_of(snapshots) == [0, 3]
    stopping = EarlyStopping("loss", patience=1)
    make(lr=0.0, callbacks=[snapshots, stopping]).fit(batches, 20)
    assert epochs_of(snapshots) == [0, 2]


@pytest.mark.parametrize(("stopped_in", "every_batches"), [(1, 2), (4, 2), (4, None)])
def test_a_resumed_training_has_the_same_states(
    make, data_loader, tmp_path, stopped_in, every_batches
):
    class Interrupt(Callback):
        rank = 3

        def on_batch_end(self, trainer, images, means):
            if trainer.progress.epoch + 1 == stopped_in and trainer.progress.batch == 3:
                raise KeyboardInterrupt

    whole = Snapshots(4)
    make(callbacks=[whole]).fit(data_loader(), 6)
    path = tmp_path / "run.ckpt"
    trainer = make(callbacks=[Snapshots(4), Checkpoint(path, every_batches), Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data_loader(), 6)
    resumed = Snapshots(4)
    make(callbacks=[resumed, Checkpoint(path, every_batches)]).fit(data_loader(), 6, resume=path)
    assert epochs_of(resumed) == epochs_of(whole) == [0, 2, 4, 6]
    for (_, state), (_, expected) in zip(resumed.states, whole.states, strict=True):
        for name, array in state.items():
            np.testing.assert_array_equal(array, expected[name])
            assert array.dtype == expected[name].dtype


def test_values_beyond_float16_are_clipped_with_a_warning(make, batches):
    snapshots = Snapshots(2)
    trainer = make(lr=0.0, callbacks=[snapshots])
    weight = trainer.model[0].weight
    weight.data = np.linspace(-1e5, 1e5, weight.size, dtype=np.float32).reshape(weight.shape)
    with pytest.warns(RuntimeWarning, match="Snapshots: 0.weight has values beyond ±65504"):
        trainer.fit(batches, 1)
    kept = snapshots.states[0].state["0.weight"]
    assert (kept.min(), kept.max()) == (-65504, 65504)


def test_integers_keep_their_type(batches):
    snapshots = Snapshots(2)
    mc.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    trainer = mc.train.Trainer(model, mc.optim.SGD(model.parameters()), callbacks=[snapshots])
    trainer.fit(batches, 2)
    assert snapshots.states[-1].state["1.num_batches_tracked"] == 6
    assert snapshots.states[-1].state["1.num_batches_tracked"].dtype == np.int64


def test_an_epoch_without_a_finite_loss_has_no_state(make, batches):
    class Diverge(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            if epoch == 2:
                row["loss"] = np.nan

    snapshots = Snapshots(8)
    trainer = make(callbacks=[Diverge(), snapshots])
    with pytest.raises(FloatingPointError):
        trainer.fit(batches, 3)
    assert epochs_of(snapshots) == [0, 1]


@pytest.mark.parametrize(("k", "error"), [(1, ValueError), (2.5, TypeError)])
def test_k_is_checked(k, error):
    with pytest.raises(error, match="Snapshots: k"):
        Snapshots(k)

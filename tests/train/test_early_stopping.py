"""EarlyStopping: when it ends training, and which weights are left."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from minicnn.train import Callback, Checkpoint, EarlyStopping


class Scores(Callback):
    """Puts given values into a column of the History."""

    def __init__(self, values, name="score_loss"):
        self.values, self.name = values, name
        self.weights = []

    def on_epoch_end(self, trainer, epoch, row):
        row[self.name] = float(self.values[epoch - 1])
        self.weights.append(trainer.model.state_dict())


def epochs_of(make, batches, values, name="score_loss", **options) -> int:
    trainer = make(callbacks=[Scores(values, name), EarlyStopping(name, **options)])
    return len(trainer.fit(batches, len(values)))


@pytest.mark.parametrize(
    ("values", "patience", "epochs"),
    [
        ([5, 4, 3, 2, 1], 1, 5),
        ([5, 5, 1, 1], 1, 2),
        ([5, 6, 4, 5, 6, 1], 2, 5),
        ([5, 6, 7, 8, 9], 3, 4),
        ([math.nan, 1, math.inf, math.nan, 0], 2, 4),
        ([math.nan] * 4, 3, 3),
    ],
)
def test_it_ends_after_so_many_epochs_without_a_better_one(make, batches, values, patience, epochs):
    assert epochs_of(make, batches, values, patience=patience) == epochs


def test_better_is_more_for_an_accuracy_and_what_one_says_for_others(make, batches):
    assert epochs_of(make, batches, [1, 2, 3, 3, 4], "new_accuracy", patience=1) == 4
    assert epochs_of(make, batches, [1, 2, 3, 3, 4], "speed", patience=1, mode="max") == 4
    assert epochs_of(make, batches, [1, 2, 3, 3, 4], "speed", patience=1, mode="min") == 2
    assert epochs_of(make, batches, [1, 2, 3, 3, 4], "new_loss", patience=1, mode="max") == 4


def test_better_is_by_more_than_min_delta(make, batches):
    options = {"patience": 1, "min_delta": 0.5}
    assert epochs_of(make, batches, [3, 2, 1.5, 0], **options) == 3
    assert epochs_of(make, batches, [3, 2, 1.4, 0], **options) == 4
    # Small steps add up: they are compared with the best, not with the last.
    assert epochs_of(make, batches, [3, 2.75, 2.25, 2], patience=2, min_delta=0.5) == 4
    assert epochs_of(make, batches, [1, 1.5, 9], "accuracy2", **options) == 2


def test_the_validation_loss_is_what_it_looks_at(make, batches):
    trainer = make(lr=0.0, callbacks=[EarlyStopping(patience=2)])
    assert len(trainer.fit(batches, 9, validation=batches)) == 3
    with pytest.raises(ValueError, match="EarlyStopping: metric: got 'val_loss', .* has loss, acc"):
        make(callbacks=[EarlyStopping()]).fit(batches, 1)


@pytest.mark.parametrize(("values", "best"), [([3, 1, 2, 2, 0], 2), ([3, 2, 1, 2], 3)])
def test_the_best_weights_come_back_only_if_asked_for(make, batches, values, best, device):
    for restore in (True, False):
        scores = Scores(values)
        stopping = EarlyStopping("score_loss", patience=2, restore_best=restore)
        trainer = make(callbacks=[scores, stopping], device=device)
        trainer.fit(batches, len(values))
        assert (stopping.best_epoch, len(scores.weights)) == (best, 4)
        expected = scores.weights[best - 1 if restore else -1]
        for name, array in trainer.model.state_dict().items():
            np.testing.assert_array_equal(array, expected[name])
        assert {p.device for p in trainer.model.parameters()} == {device}


def test_the_best_weights_come_back_after_an_interruption_too(make, batches):
    class Interrupt(Callback):
        def on_epoch_begin(self, trainer, epoch, batches):
            if epoch == 4:
                raise KeyboardInterrupt

    scores = Scores([3, 1, 2, 0])
    stopping = EarlyStopping("score_loss", restore_best=True)
    trainer = make(callbacks=[scores, stopping, Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(batches, 9)
    np.testing.assert_array_equal(
        trainer.model.state_dict()["0.weight"], scores.weights[1]["0.weight"]
    )


def test_a_second_fit_starts_over(make, batches):
    trainer = make(callbacks=[Scores([1, 2, 3, 4]), EarlyStopping("score_loss", patience=2)])
    trainer.fit(batches, 4)
    assert len(trainer.history) == 3
    trainer.callbacks[0].values = [5, 4, 3, 2]
    trainer.fit(batches, 4)
    assert len(trainer.history) == 7


def test_any_callback_ends_training_after_the_epoch(make, batches, recorder):
    class Stop(Callback):
        def on_batch_end(self, trainer, images, means):
            trainer.stop_training = trainer.progress.epoch == 1

    trainer = make(callbacks=[Stop(), recorder])
    assert len(trainer.fit(batches, 9)) == 2
    assert recorder.events.count("batch_end") == 6
    assert trainer.stop_training
    assert len(trainer.fit(batches, 1)) == 3


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_patience_and_weights_survive_a_checkpoint(make, batches, tmp_path, at):
    values = [3, 1, 2, 2.5, 2.2, 0, 0]

    def trainer(*more):
        return make(
            callbacks=[
                *more,
                scores := Scores(values),
                EarlyStopping("score_loss", 3, restore_best=True),
            ]
        ), scores

    whole, scores = trainer()
    whole.fit(batches, 7)
    assert len(whole.history) == 5
    path = tmp_path / "run.ckpt"
    trainer(Checkpoint(path))[0].fit(batches, at)
    again, _ = trainer()
    again.fit(batches, 7, resume=path)
    assert len(again.history) == 5
    for name, array in again.model.state_dict().items():
        np.testing.assert_array_equal(array, scores.weights[1][name])


def test_a_state_is_of_one_metric_and_mode():
    state = json.loads(json.dumps(EarlyStopping("val_loss").state_dict()))
    EarlyStopping("val_loss").load_state_dict(state)
    for other in (EarlyStopping("loss"), EarlyStopping("val_loss", mode="max")):
        with pytest.raises(ValueError, match="metric and mode are"):
            other.load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"patience": 0}, ValueError, "patience: got 0, expected an integer of 1 or more"),
        ({"patience": 1.5}, TypeError, "patience: got 1.5"),
        ({"min_delta": -1}, ValueError, "min_delta: got -1"),
        ({"mode": "up"}, ValueError, "mode: got 'up', expected 'min' or 'max'"),
        (
            {"metric": "speed"},
            ValueError,
            "mode: got None, .* the name 'speed' does not tell",
        ),
    ],
)
def test_options_that_make_no_sense(options, error, message):
    with pytest.raises(error, match=f"EarlyStopping: {message}"):
        EarlyStopping(**options)

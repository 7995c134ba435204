"""The LearningRate callback: when the schedule steps, and what the History keeps of it."""

from __future__ import annotations

import pytest

from minicnn import optim
from minicnn.train import LearningRate


def rates(history) -> list[float]:
    return [row["learning_rate"] for row in history.rows]


def test_a_schedule_steps_after_every_epoch(make, batches):
    trainer = make(lr=0.1)
    trainer.callbacks = (LearningRate(optim.StepLR(trainer.optimizer, 2, gamma=0.1)),)
    assert rates(trainer.fit(batches, 5)) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_a_schedule_steps_after_every_batch(make, batches):
    trainer = make(lr=0.1)
    schedule = optim.ExponentialLR(trainer.optimizer, gamma=0.5)
    trainer.callbacks = (LearningRate(schedule, every="batch"),)
    assert rates(trainer.fit(batches, 2)) == pytest.approx([0.1 / 2**3, 0.1 / 2**6])
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 2**6)


def test_a_plateau_sees_the_metric(make, batches):
    trainer = make(lr=0.0)  # nothing is learned, so the loss never falls
    trainer.optimizer.param_groups[0]["lr"] = 1e-30
    schedule = optim.ReduceLROnPlateau(trainer.optimizer, patience=1, factor=0.5, eps=0.0)
    trainer.callbacks = (LearningRate(schedule),)
    history = trainer.fit(batches, 4, validation=batches)
    assert rates(history) == pytest.approx([1e-30, 1e-30, 1e-30, 0.5e-30])


def test_what_makes_no_sense_is_refused(make, batches):
    trainer = make(lr=0.1)
    plateau = optim.ReduceLROnPlateau(trainer.optimizer)
    with pytest.raises(ValueError, match="every: got 'step', expected 'epoch' or 'batch'"):
        LearningRate(plateau, every="step")
    with pytest.raises(ValueError, match="ReduceLROnPlateau steps once an epoch"):
        LearningRate(plateau, every="batch")
    trainer.callbacks = (LearningRate(plateau),)
    with pytest.raises(ValueError, match="metric: got 'val_loss', but an epoch has loss, accuracy"):
        trainer.fit(batches, 1)

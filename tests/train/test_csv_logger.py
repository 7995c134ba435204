"""CSVLogger: one header, one row for each epoch, also over interruptions."""

from __future__ import annotations

import csv

import pytest

from minicnn import data, optim
from minicnn.train import Callback, Checkpoint, CSVLogger, LearningRate


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.csv"


def rows_of(log) -> list[dict[str, str]]:
    with log.open(newline="") as file:
        return list(csv.DictReader(file))


def matches(log, history) -> bool:
    """Whether the file holds the History exactly."""
    rows = [{k: float(v) for k, v in row.items() if v} for row in rows_of(log)]
    return rows == [{"epoch": i, **row} for i, row in enumerate(history.rows, 1)]


def test_it_holds_the_history(make, batches, log):
    trainer = make(callbacks=[CSVLogger(log)])
    history = trainer.fit(batches, 3, validation=batches)
    lines = log.read_text().splitlines()
    assert lines[0] == "epoch,loss,accuracy,seconds,images_per_second,val_loss,val_accuracy"
    assert len(lines) == 4
    assert matches(log, history)


def test_each_row_is_in_the_file_when_its_epoch_ends(make, batches, log):
    counts = []

    class Look(Callback):
        def on_epoch_begin(self, trainer, epoch, batches):
            counts.append(log.read_text().count("\n"))

    make(callbacks=[CSVLogger(log), Look()]).fit(batches, 3)
    assert counts == [0, 2, 3]


def test_columns_of_callbacks_after_it_are_there(make, batches, log):
    trainer = make()
    trainer.callbacks = (CSVLogger(log), LearningRate(optim.StepLR(trainer.optimizer, 1)))
    assert matches(log, trainer.fit(batches, 2))
    assert [row["learning_rate"] for row in rows_of(log)] == ["0.1", "0.010000000000000002"]


def test_a_second_fit_continues_also_with_new_columns(make, batches, log):
    trainer = make(callbacks=[CSVLogger(log)])
    trainer.fit(batches, 2)
    history = trainer.fit(batches, 1, validation=batches)
    assert [row["epoch"] for row in rows_of(log)] == ["1", "2", "3"]
    assert matches(log, history)
    assert rows_of(log)[0]["val_loss"] == ""
    assert matches(log, trainer.fit(batches, 1))


def test_a_new_training_begins_a_new_file(make, batches, log):
    make(callbacks=[CSVLogger(log)]).fit(batches, 3)
    assert matches(log, make(callbacks=[CSVLogger(log)]).fit(batches, 1))


def test_resumed_it_loses_what_came_after_the_checkpoint(make, problem, log, tmp_path):
    path = tmp_path / "run.ckpt"
    loader = data.DataLoader(data.ArrayDataset(*problem), 8)

    class Crash(Callback):
        rank = 3

        def on_batch_end(self, trainer, images, means):
            if trainer.progress.epoch == 3:
                raise KeyboardInterrupt

    trainer = make(callbacks=[CSVLogger(log), Checkpoint(path)])
    trainer.fit(loader, 2)
    content = path.read_bytes()
    trainer = make(callbacks=[CSVLogger(log), Checkpoint(path), Crash()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader, 9, resume=path)
    assert len(rows_of(log)) == 3
    path.write_bytes(content)
    with log.open("a") as file:
        file.write("4,0.1")  # killed in the middle of a row
    trainer = make(callbacks=[CSVLogger(log)])
    loader = data.DataLoader(data.ArrayDataset(*problem), 8)
    history = trainer.fit(loader, 4, resume=path)
    assert len(history) == 4
    assert matches(log, history)
    log.unlink()
    make(callbacks=[CSVLogger(log)]).fit(loader, 2, resume=path)
    assert len(rows_of(log)) == 2


def test_where_nothing_can_be_written(make, batches, tmp_path, recorder):
    trainer = make(callbacks=[recorder, CSVLogger(tmp_path / "no" / "log.csv")])
    with pytest.raises(OSError, match="no"):
        trainer.fit(batches, 1)
    assert "epoch_begin" not in recorder.events

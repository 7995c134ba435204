"""The callback that writes the History to a CSV file while training runs."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from ..io import check_path, check_writable, named_errors
from .callback import Callback
from .trainer import Trainer


class CSVLogger(Callback):
    """Writes a header, then a row after each epoch: its number and the columns of the History.

    The file always equals the History of the Trainer: a new Trainer starts a new file, a second
    ``fit`` extends it, and a resumed training drops the rows of epochs after the checkpoint, which
    are trained again. Raises OSError before the first batch when it cannot be written; if that
    fails later (a full disk), it warns, training continues, and the next epoch writes all rows.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> trainer = mc.train.Trainer(
    ...     model, mc.optim.Adam(model.parameters()), callbacks=[mc.train.CSVLogger("run.csv")]
    ... )
    >>> history = trainer.fit(mc.data.DataLoader(mc.data.load("digits", "test"), 128), epochs=2)
    >>> from pathlib import Path
    >>> Path("run.csv").read_text().split()[0]
    'epoch,loss,accuracy,seconds,images_per_second'
    """

    rank: ClassVar[int] = 3  # after callbacks that add columns, and after the Checkpoint
    added_columns: ClassVar = ()
    first_process_only: ClassVar = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = check_path("CSVLogger", path)
        self._columns: list[str] = []

    def check_fit(self, trainer: Trainer) -> None:
        check_writable("CSVLogger", self.path, replaced=False)

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        self._rewrite(trainer.history.rows)

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        rows = trainer.history.rows
        try:
            if not row.keys() <= set(self._columns):  # the first row, or the first with validation
                self._rewrite(rows)
            else:
                self._write("a", [self._line(len(rows), row)])
        except OSError as error:
            self._columns = []  # the last row may be incomplete
            warnings.warn(
                f"{error}; epoch {epoch} is not logged, training continues",
                RuntimeWarning,
                stacklevel=2,
            )

    def _rewrite(self, rows: list[dict[str, float]]) -> None:
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        header = [["epoch", *self._columns]] if rows else []
        self._write("w", [*header, *(self._line(i, row) for i, row in enumerate(rows, 1))])

    def _line(self, number: int, row: Mapping[str, float]) -> list[Any]:
        return [number, *(row.get(name, "") for name in self._columns)]

    def _write(self, mode: str, lines: list[list[Any]]) -> None:
        # Opened again for each epoch: the rows are flushed, and no file is left open.
        with (
            named_errors("CSVLogger", self.path, writing=True),
            open(self.path, mode, newline="", encoding="utf-8") as file,
        ):
            csv.writer(file, lineterminator="\n").writerows(lines)

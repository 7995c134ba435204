"""The History as a CSV file that grows while training runs."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .callbacks import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


class CSVLogger(Callback):
    """Writes a header and then a row after each epoch: its number and the columns of the History.

    The file holds the History of the Trainer: it begins anew with a new Trainer, goes on when
    ``fit`` is called again, and when a training is resumed it loses the rows of epochs after the
    checkpoint, which will be trained again. Raises OSError when it cannot be written.
    """

    rank: ClassVar[int] = 1  # other callbacks add columns

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        self._rewrite(trainer.history.rows)

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        rows = trainer.history.rows
        if not row.keys() <= set(self._columns):  # the first row, or the first with validation
            self._rewrite(rows)
        else:
            self._write("a", [self._line(len(rows), row)])

    def _rewrite(self, rows: list[dict[str, float]]) -> None:
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        header = [["epoch", *self._columns]] if rows else []
        self._write("w", [*header, *(self._line(i, row) for i, row in enumerate(rows, 1))])

    def _line(self, number: int, row: Mapping[str, float]) -> list[Any]:
        return [number, *(row.get(name, "") for name in self._columns)]

    def _write(self, mode: str, lines: list[list[Any]]) -> None:
        # Opened for each epoch: what is in the file is flushed, and nothing is left open.
        with open(self.path, mode, newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)

"""The callback that writes checkpoints; their file format is in ``checkpoint_file``."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..checks import check_integer
from ..data import DataLoader
from ..io import check_path
from .best import Best
from .checkpoint_file import write_checkpoint
from .progress import Means
from .trainer import Callback, Trainer


class Checkpoint(Callback):
    """Writes a checkpoint after every epoch, for ``fit(..., resume=path)``; only the last is kept.

    every_batches: also after this many batches of an epoch; train must be a DataLoader then.
    keep_best: a column of the History, "val_accuracy" or "val_loss"; after the best epoch so far
    the checkpoint is also written to ``best_path``, which is run.best.ckpt next to run.ckpt.

    It holds everything that the rest of the training depends on, ``Trainer.state_dict()``. Nothing
    is written while the loss is not a finite number. Raises TypeError or ValueError for options
    that make no sense, OSError when the directory is missing or the file cannot be written.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> trainer = mc.train.Trainer(
    ...     model, mc.optim.Adam(model.parameters()), callbacks=[mc.train.Checkpoint("run.ckpt")]
    ... )
    >>> batches = mc.data.DataLoader(mc.data.load("digits", "train"), 128, shuffle=True)
    >>> history = trainer.fit(batches, epochs=2)
    >>> len(trainer.fit(batches, epochs=3, resume="run.ckpt"))  # one more epoch
    3
    """

    rank: ClassVar[int] = 2  # after the other callbacks, whose state it saves

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_batches: int | None = None,
        keep_best: str | None = None,
    ) -> None:
        check_path("Checkpoint", path)
        self.path = Path(path)
        self.best_path = self.path.with_name(f"{self.path.stem}.best{self.path.suffix}")
        if every_batches is not None:
            every_batches = check_integer("Checkpoint: every_batches", every_batches, least=1)
        self.every_batches = every_batches
        self.best = None if keep_best is None else Best("Checkpoint", keep_best)

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        train = trainer.progress.train
        if self.every_batches is not None and not isinstance(train, DataLoader):
            raise ValueError(
                "Checkpoint: every_batches: only a DataLoader can continue in the middle of an "
                f"epoch, but train is a {type(train).__name__}"
            )
        if not self.path.parent.is_dir():  # better now than after an epoch
            raise FileNotFoundError(f"Checkpoint: there is no directory {self.path.parent}")

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        due = self.every_batches is not None and trainer.progress.batch % self.every_batches == 0
        if due and _is_finite(means()):
            write_checkpoint(self.path, trainer.state_dict())

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        if not _is_finite(row):
            return
        is_best = self.best is not None and self.best.update(row)
        state = trainer.state_dict()
        if is_best:  # first, so that the best value in a checkpoint always has its file
            write_checkpoint(self.best_path, state)
        write_checkpoint(self.path, state)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.best is None else self.best.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if self.best is not None:
            self.best.load_state_dict(state_dict)


def _is_finite(row: Mapping[str, float]) -> bool:
    return all(math.isfinite(row.get(name, 0.0)) for name in ("loss", "val_loss"))

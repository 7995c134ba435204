"""The callback that writes checkpoints; their file format is in ``checkpoint_file``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ..checks import check_integer
from ..data import DataLoader
from ..io import check_path, check_writable
from .best import Best, check_metric
from .callback import Callback
from .checkpoint_file import write_checkpoint
from .finite import has_finite_loss
from .progress import Means
from .trainer import Trainer


class Checkpoint(Callback):
    """Writes a checkpoint after every epoch, for ``fit(..., resume=path)``; only the last is kept.

    every_batches: also after this many batches of an epoch; train must be a DataLoader then.
    keep_best: a column of the History, "val_accuracy" or "val_loss"; after the best epoch so far
    the checkpoint is also written to ``best_path``, which is run.best.ckpt next to run.ckpt. mode:
    whether lower ("min") or higher ("max") is better, where the name does not tell. notes: strings
    by name for the metadata of the file, such as a card of the model.

    ``saved_epoch`` is the number of epochs in the file, None before this Checkpoint wrote it.

    It holds everything that the rest of the training depends on, ``Trainer.state_dict()``. Nothing
    is written while the loss is not a finite number: the previous file stays. Raises TypeError or
    ValueError for invalid options; before the first batch, ValueError for a keep_best that is not a
    column and OSError for a path that cannot be written; and FloatingPointError instead of writing
    weights or optimizer state that are not finite.

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
    added_columns: ClassVar = ()
    graph_safe: ClassVar = True
    first_process_only: ClassVar = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_batches: int | None = None,
        keep_best: str | None = None,
        mode: Literal["min", "max"] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self.notes = dict(notes or {})
        self.path = check_path("Checkpoint", path)
        self.best_path = self.path.with_name(f"{self.path.stem}.best{self.path.suffix}")
        if every_batches is not None:
            every_batches = check_integer("Checkpoint: every_batches", every_batches, least=1)
        self.every_batches = every_batches
        self.best = None if keep_best is None else Best("Checkpoint", keep_best, mode)
        self.saved_epoch: int | None = None

    def check_fit(self, trainer: Trainer) -> None:
        train = trainer.progress.train
        if self.every_batches is not None and not isinstance(train, DataLoader):
            raise ValueError(
                "Checkpoint: every_batches: only a DataLoader can continue in the middle of an "
                f"epoch, but train is a {type(train).__name__}"
            )
        check_writable("Checkpoint", self.path, replaced=True)
        if self.best is not None:
            check_writable("Checkpoint", self.best_path, replaced=True)
            check_metric(trainer, self.best.metric, "Checkpoint")

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        due = self.every_batches is not None and trainer.progress.batch % self.every_batches == 0
        if due and has_finite_loss(means()):
            self._write(trainer, is_best=False)

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        if has_finite_loss(row):
            self._write(trainer, is_best=self.best is not None and self.best.update(row))

    def _write(self, trainer: Trainer, is_best: bool) -> None:
        trainer.check_finite(f"Checkpoint: {self.path} is not written")
        state = trainer.state_dict()
        if is_best:  # first, so that the best value in a checkpoint always has its file
            write_checkpoint(self.best_path, state, self.notes)
        write_checkpoint(self.path, state, self.notes)
        self.saved_epoch = trainer.progress.epoch

    def state_dict(self) -> dict[str, Any]:
        return {} if self.best is None else self.best.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if self.best is not None:
            self.best.load_state_dict(state_dict)

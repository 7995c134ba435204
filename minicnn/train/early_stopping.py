"""The callback that ends training when it no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ..backend import Array
from ..checks import check_integer
from ..fields import count, fields, mapping, optional, values
from ..nn import Module
from .best import Best, check_metric
from .callback import Callback
from .checkpoint_file import array
from .state import check_weights
from .trainer import Trainer


class EarlyStopping(Callback):
    """Ends training after ``patience`` epochs in a row that did not improve a metric.

    metric: a column of the History. min_delta: an improvement must be larger than this. mode: "min"
    or "max"; None infers it from the name, "max" for an accuracy and "min" for a loss.
    restore_best: however training ends, give the model, and a loss that is a Module, the weights
    of the best epoch.
    Raises TypeError or ValueError for a patience below 1, a negative min_delta, a mode that is
    missing or unknown, and before the first batch for a metric that is not a column.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> stopping = mc.train.EarlyStopping("loss", patience=2)
    >>> optimizer = mc.optim.SGD(model.parameters(), lr=0.0)  # which never improves anything
    >>> trainer = mc.train.Trainer(model, optimizer, callbacks=[stopping])
    >>> batches = mc.data.DataLoader(mc.data.load("digits", "test"), 128)
    >>> len(trainer.fit(batches, epochs=10))
    3
    """

    added_columns: ClassVar = ()
    resume_options: ClassVar = (
        "best.metric", "best.mode", "best.min_delta", "patience", "restore_best",
    )  # fmt: skip

    def __init__(
        self,
        metric: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] | None = None,
        restore_best: bool = False,
    ) -> None:
        self.patience = check_integer("EarlyStopping: patience", patience, least=1)
        self.best = Best("EarlyStopping", metric, mode, min_delta)
        self.restore_best = restore_best
        self._reset()

    def _reset(self) -> None:
        self.best.value = None
        self.best_epoch = self.bad_epochs = 0
        self.best_weights: dict[str, Array] | None = None
        self.best_loss: dict[str, Array] = {}

    def check_fit(self, trainer: Trainer) -> None:
        check_metric(trainer, self.best.metric, "EarlyStopping")

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        if trainer.progress.at_start:
            self._reset()

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        self.bad_epochs += 1
        if self.best.update(row):
            self.best_epoch, self.bad_epochs = epoch, 0
            if self.restore_best:
                self.best_weights = trainer.model.state_dict()
                self.best_loss = (
                    trainer.loss.state_dict() if isinstance(trainer.loss, Module) else {}
                )
        if self.bad_epochs >= self.patience:
            trainer.stop_training = True

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.best_weights is not None:
            trainer.model.load_state_dict(self.best_weights)
            if isinstance(trainer.loss, Module):
                trainer.loss.load_state_dict(self.best_loss)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best.state_dict(),
            "best_epoch": self.best_epoch,
            "bad_epochs": self.bad_epochs,
            "best_weights": self.best_weights,
            "best_loss": self.best_loss,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        state = _check_state("state dict: EarlyStopping", state_dict)
        self.best.load_state_dict(state["best"])
        self.best_epoch, self.bad_epochs = state["best_epoch"], state["bad_epochs"]
        self.best_weights = state["best_weights"]
        self.best_loss = state.get("best_loss", {})  # older checkpoints have none

    def check_loaded(self, trainer: Trainer) -> None:
        if self.best_weights is not None:
            loss = trainer.loss.state_dict() if isinstance(trainer.loss, Module) else {}
            name = "state dict: EarlyStopping: best"
            check_weights(f"{name}_weights", self.best_weights, trainer.model.state_dict())
            check_weights(f"{name}_loss", self.best_loss, loss)


_check_state = fields(
    {
        "best": mapping,
        "best_epoch": count,
        "bad_epochs": count,
        "best_weights": optional(values(array)),
        "best_loss": values(array),
    },
    may_lack=["best_loss"],
)

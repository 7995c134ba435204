"""The callback that steps a learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from ..checks import brief, check_choice
from ..fields import fields, mapping, text
from ..optim import ReduceLROnPlateau, Schedule
from .best import check_metric, metric_of
from .callback import Callback
from .progress import Means
from .trainer import Trainer


class LearningRate(Callback):
    """Steps a schedule after every epoch or batch; the History gets a column "learning_rate".

    every: what the schedule counts, "epoch" or "batch". metric: the column of the History that a
    ReduceLROnPlateau watches. Raises TypeError for anything but a schedule, ValueError for an
    unknown ``every``, for a ReduceLROnPlateau that steps every batch, and before the first batch
    for a schedule of another optimizer than the Trainer's or a metric that is not a column.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> optimizer = mc.optim.SGD(model.parameters(), lr=0.5)
    >>> schedule = mc.train.LearningRate(mc.optim.StepLR(optimizer, step_size=1, gamma=0.1))
    >>> trainer = mc.train.Trainer(model, optimizer, callbacks=[schedule])
    >>> batches = mc.data.DataLoader(mc.data.load("digits", "test"), 128)
    >>> [round(rate, 4) for rate in trainer.fit(batches, epochs=3)["learning_rate"]]
    [0.5, 0.05, 0.005]
    """

    added_columns: ClassVar = ("learning_rate",)
    graph_safe: ClassVar = True
    resume_options: ClassVar = ("every", "metric", "schedule")

    def __init__(
        self,
        schedule: Schedule,
        every: Literal["epoch", "batch"] = "epoch",
        metric: str = "val_loss",
    ) -> None:
        self.every = check_choice("LearningRate: every", every, ("epoch", "batch"))
        if every == "batch" and isinstance(schedule, ReduceLROnPlateau):
            raise ValueError(
                "LearningRate: every: got 'batch', but a ReduceLROnPlateau steps once an epoch, "
                "with a metric"
            )
        if not isinstance(schedule, Schedule):
            raise TypeError(f"LearningRate: schedule: got {schedule!r}, expected a schedule")
        self.schedule, self.metric = schedule, metric

    @property
    def scheduled_options(self) -> Sequence[str]:
        has_momentum = self.schedule.momentum(0) is not None
        return ("lr", "momentum", "betas[0]") if has_momentum else ("lr",)

    def check_fit(self, trainer: Trainer) -> None:
        if self.schedule.optimizer is not trainer.optimizer:
            raise ValueError(
                f"LearningRate: the {type(self.schedule).__name__} changes another optimizer than "
                "the Trainer's; make the schedule with the optimizer of the Trainer"
            )
        if isinstance(self.schedule, ReduceLROnPlateau):
            check_metric(trainer, self.metric, "LearningRate")

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        if self.every == "batch":
            self.schedule.step()

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        row["learning_rate"] = self.schedule.get_last_lr()[0]
        if self.every == "batch":
            return
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(metric_of(row, self.metric, "LearningRate"))
        else:
            self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        return {"every": self.every, "schedule": self.schedule.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        state = _check_state("state dict: LearningRate", state_dict)
        if state["every"] != self.every:
            raise ValueError(
                f"LearningRate: every was {brief(state['every'])}, but is {self.every!r} here"
            )
        self.schedule.load_state_dict(state["schedule"])


_check_state = fields({"every": text, "schedule": mapping})

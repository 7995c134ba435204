"""What happens beside training at its turning points; the progress bar is one such callback."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..optim import ReduceLROnPlateau, Schedule
from .best import metric_of

if TYPE_CHECKING:
    from .progress import Means
    from .trainer import Trainer


class Callback:
    """Override what you need; every method does nothing by itself.

    ``trainer.stop_training = True`` ends training after the epoch, ``trainer.progress`` says where
    it is. Whoever keeps something from one call to the next that decides how training goes on
    (a schedule, a best value) returns it from ``state_dict``: a Checkpoint saves it.
    """

    rank: ClassVar[int] = 0
    """Callbacks of a higher rank are called after the others: they write down what these did."""

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        """Before an epoch (numbered from 1) of that many batches, if the data says how many.

        Also when a training goes on in the middle of one: ``trainer.progress.batch`` is not 0 then.
        """

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        """After each batch of that many images; means over the epoch so far."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        """After an epoch and its validation; row is the History's new one."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, also when an error or Ctrl-C was the end."""

    def state_dict(self) -> dict[str, Any]:
        """Numbers, text, arrays, lists and dicts; empty if this callback never keeps anything.

        Also asked for before ``on_fit_begin``.
        """
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a ``state_dict()``; called before ``on_fit_begin``."""


class LearningRate(Callback):
    """Steps a schedule after every epoch or batch; the History gets a column "learning_rate".

    every: what the schedule counts, "epoch" or "batch". metric: what a ReduceLROnPlateau looks at,
    a column of the History. Raises ValueError for another word or a metric that is not there.
    """

    def __init__(self, schedule: Schedule, every: str = "epoch", metric: str = "val_loss") -> None:
        if every not in ("epoch", "batch"):
            raise ValueError(f'LearningRate: every is {every!r}, expected "epoch" or "batch"')
        if every == "batch" and isinstance(schedule, ReduceLROnPlateau):
            raise ValueError("LearningRate: a ReduceLROnPlateau steps once an epoch, with a metric")
        self.schedule, self.every, self.metric = schedule, every, metric

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
        if state_dict["every"] != self.every:
            raise ValueError(
                f"LearningRate: every was {state_dict['every']!r}, but is {self.every!r} here"
            )
        self.schedule.load_state_dict(state_dict["schedule"])


class ProgressBar(Callback):
    """Shows a tqdm bar while an epoch runs (on a terminal) and prints one line after each."""

    refresh_seconds = 0.2

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        self.epochs = epochs
        self.bar: Any = None

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        from tqdm import tqdm  # only those who watch pay for the import

        self.title = f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}"
        self.bar = tqdm(
            total=batches,
            initial=trainer.progress.batch,
            desc=self.title,
            disable=None,  # shown on a terminal only, so that log files stay readable
            leave=False,
            unit="batch",
            bar_format="{desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt}{postfix}",
        )
        self.images, self.start, self.shown = 0, time.perf_counter(), 0.0

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        self.images += images
        self.bar.update()
        now = time.perf_counter()
        if not self.bar.disable and now - self.shown > self.refresh_seconds:
            self.shown = now
            rate = self.images / (now - self.start)
            self.bar.set_postfix_str(f"{_describe(means())}  {rate:,.0f} images/s", refresh=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.bar is not None:
            self.bar.close()

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        from tqdm import tqdm

        self.bar.close()
        rate = f"{row['images_per_second']:,.0f} images/s"
        tqdm.write(f"{self.title}  {_describe(row)}  {rate}")


def _describe(row: dict[str, float]) -> str:
    shown = [f"loss {row['loss']:.4f}"]
    for name, value in row.items():
        if name.endswith("accuracy"):
            shown.append(f"{name.replace('val_accuracy', 'validation')} {value:.2%}")
    return "  ".join(shown)

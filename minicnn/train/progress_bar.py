"""The callback that shows how training goes: a bar while an epoch runs, and a line after it."""

from __future__ import annotations

import time
import warnings
from typing import Any, ClassVar

from .callback import Callback
from .progress import Means, seconds_since
from .trainer import Trainer


class ProgressBar(Callback):
    """Shows a tqdm bar during each epoch, with the time left, and prints a line after it.

    The bar moves on a terminal, and in a notebook if ipywidgets is installed.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> trainer = mc.train.Trainer(
    ...     model, mc.optim.Adam(model.parameters()), callbacks=[mc.train.ProgressBar()]
    ... )
    >>> history = trainer.fit(mc.data.DataLoader(mc.data.load("digits", "test"), 128), epochs=1)
    epoch 1/1  loss ...  accuracy ...%  ... images/s
    """

    rank: ClassVar[int] = 4  # after all files: nothing is lost if the output was closed
    refresh_seconds = 0.2
    added_columns: ClassVar = ()
    graph_safe: ClassVar = True
    first_process_only: ClassVar = True

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        self.epochs = epochs
        self.bar: Any = None
        self.begun, self.done_before = time.perf_counter(), -1.0  # -1: no epoch has begun

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        bar, in_notebook = _bar_here()
        self.epoch, self.title = epoch, f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}"
        width = "{bar}" if in_notebook else "{bar:20}"
        self.bar = bar(
            total=batches,
            initial=trainer.progress.batch,
            desc=self.title,
            # None: off unless on a terminal, so that log files stay readable.
            disable=False if in_notebook else None,
            leave=False,
            unit="batch",
            bar_format=f"{{desc}} {{percentage:3.0f}}%|{width}| {{n_fmt}}/{{total_fmt}}{{postfix}}",
        )
        self.images, self.start, self.shown = 0, time.perf_counter(), 0.0
        if self.done_before < 0:
            self.done_before = self._share_done()

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        self.images += images
        self.bar.update()
        if not self.bar.disable and seconds_since(self.shown) > self.refresh_seconds:
            self.shown = time.perf_counter()
            rate = self.images / seconds_since(self.start)
            text = f"{_describe(means())}  {rate:,.0f} images/s{self._time_left()}"
            self.bar.set_postfix_str(text, refresh=True)

    def _share_done(self) -> float:
        """How much of the training is done; epochs of unknown length count when they end."""
        within = self.bar.n / self.bar.total if self.bar.total else 0.0
        return (self.epoch - 1 + within) / self.epochs

    def _time_left(self) -> str:
        """How long all epochs will take, as the batches so far did."""
        done = self._share_done()
        if done <= self.done_before:
            return ""
        seconds = seconds_since(self.begun) * (1 - done) / (done - self.done_before)
        return f"  {self.bar.format_interval(seconds)} left"

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None  # it holds the terminal, which cannot be pickled

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        from tqdm import tqdm

        self.bar.close()
        rate = f"{row['images_per_second']:,.0f} images/s"
        tqdm.write(f"{self.title}  {_describe(row)}  {rate}")


def _bar_here() -> tuple[Any, bool]:
    """tqdm's bar for this place, and whether that is a notebook."""
    from tqdm import TqdmWarning  # imported only when it is used: import minicnn stays light
    from tqdm import tqdm as in_text

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets
        from tqdm.autonotebook import tqdm as here
    # Without the thread that looks after bars which nobody updates, and a warning if it cannot be.
    quiet = type("Bar", (here,), {"monitor_interval": 0})
    return quiet, here is not in_text


def _describe(row: dict[str, float]) -> str:
    shown = [f"loss {row['loss']:.4f}"]
    for name, value in row.items():
        if name.endswith("accuracy"):
            shown.append(f"{name.replace('val_accuracy', 'validation')} {value:.2%}")
    return "  ".join(shown)

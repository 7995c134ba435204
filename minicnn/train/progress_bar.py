"""The callback that shows how training goes: a bar on a terminal, and a line for each epoch."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from .callback import Callback
from .progress import Means
from .trainer import Trainer


class ProgressBar(Callback):
    """Shows a tqdm bar during each epoch (on a terminal only) and prints a line after it.

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

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        from tqdm import tqdm  # imported only when it is used: import minicnn stays light

        self.title = f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}"
        self.bar = tqdm(
            total=batches,
            initial=trainer.progress.batch,
            desc=self.title,
            disable=None,  # off unless on a terminal, so that log files stay readable
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
            self.bar = None  # it holds the terminal, which cannot be pickled

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

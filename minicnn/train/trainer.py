"""The training loop: batches in, gradients back, a step of the optimizer, and what came of it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from .. import ops
from ..autograd import Tensor, no_grad
from ..backend import array_module, resolve_device
from ..backend.layout import as_chwn, as_nchw
from ..backend.random import generator_state, set_generator_state
from ..checks import check_number
from ..data import ArrayDataset, DataLoader
from ..nn import Module
from ..nn.module import evaluating
from ..ops.convert import as_tensor
from ..optim import Optimizer, clip_grad_norm
from .callbacks import Callback
from .checkpoint import resume as resume_from
from .history import History
from .progress import Batches, Means, Progress

Metric = Callable[[Tensor, Tensor], Tensor]

METRICS: dict[str, Metric] = {"accuracy": ops.accuracy}


class Trainer:
    """Trains a model with an optimizer on batches of (images, labels), as a DataLoader gives them.

    loss: a function (outputs, labels) -> Tensor of one element, the mean over the batch.
    metrics: names ("accuracy") or functions (outputs, labels) -> one number, the batch's mean.
    device: where to train; None is where the model is.
    callbacks: ``Callback`` objects, ``ProgressBar()`` for one.
    clip_norm: scale the gradients of each batch, all that the optimizer uses taken together, to at
    most this norm (``optim.clip_grad_norm``).
    Raises ValueError for an unknown metric or two of one name and for a clip_norm that is not above
    0, DeviceError for a device that cannot be used.

    A callback sets ``stop_training`` to end training after the epoch; ``progress`` says how far
    it is.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Tensor] = ops.cross_entropy,
        metrics: Sequence[str | Metric] = ("accuracy",),
        device: str | None = None,
        callbacks: Sequence[Callback] = (),
        clip_norm: float | None = None,
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        named = [_named_metric(metric) for metric in metrics]
        names = ["loss", *(name for name, _ in named)]
        if len(set(names)) < len(names):
            raise ValueError(f"metrics: {', '.join(names)} are not all different names")
        self.metrics = dict(named)
        if clip_norm is not None:
            check_number("clip_norm", clip_norm, "above 0, or inf")
        self.clip_norm = clip_norm
        if device is not None:
            model.to(device)
        self.device = next((p.device for p in model.parameters()), resolve_device(device))
        self.callbacks = tuple(callbacks)
        self.history = History()
        self.progress, self.stop_training = Progress(), False

    def fit(
        self,
        train: Batches,
        epochs: int,
        validation: Batches | None = None,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Go through the training data that many times; returns the History, which goes on growing.

        resume: a file that a ``Checkpoint`` wrote in a fit with the same arguments of a Trainer
        made in the same way. Training goes on from there until ``epochs`` in all, and everything
        but the seconds becomes, bit by bit, what it would be had it never been interrupted;
        transforms and callbacks take their random numbers from the global generator for that. What
        was at its end, by epochs or by a callback that stopped it, stays there.

        Raises ValueError for epochs below 1 or data without a batch, FloatingPointError when the
        loss is no longer a finite number; CheckpointError, a ValueError, for a file that is no
        intact checkpoint or of another training: then nothing has been changed.
        """
        epochs = _positive("epochs", epochs)
        self.progress, self.stop_training = Progress(train, validation), False
        if resume is not None:
            resume_from(self, resume)
        random_state = generator_state()
        self._call("on_fit_begin", epochs)
        if resume is not None:
            set_generator_state(random_state)  # on_fit_begin drew its numbers in the first run
        try:
            while self.progress.epoch < epochs and not self.stop_training:
                self._epoch(train, validation)
        finally:
            self._call("on_fit_end")
        return self.history

    def evaluate(self, data: Batches) -> dict[str, float]:
        """Loss and metrics over the data in evaluation mode, without recording.

        Raises ValueError for data without a batch.
        """
        means = Means()
        with evaluating(self.model):
            for x, y in self._batches(data):
                outputs = self.model(x)
                means.add(len(x), self._measure(outputs, y, self.loss(outputs, y)))
        return means()

    def predict(self, x: Any, batch_size: int = 512) -> Tensor:
        """The model's outputs (logits) for images (N, C, H, W), in evaluation mode, unrecorded.

        The class is ``trainer.predict(x).data.argmax(1)``. Raises ValueError for no images.
        """
        images = as_tensor(x).data
        if images.ndim == 0 or len(images) == 0:
            raise ValueError(f"predict: x has shape {images.shape}, expected at least one image")
        batch_size = _positive("batch_size", batch_size)
        with evaluating(self.model):
            parts = [
                self.model(self._place(images[start : start + batch_size])).data
                for start in range(0, len(images), batch_size)
            ]
        return Tensor(array_module(parts[0]).concatenate(parts))

    def _epoch(self, train: Batches, validation: Batches | None) -> None:
        progress, number = self.progress, self.progress.epoch + 1
        random_state = generator_state()
        self._call("on_epoch_begin", number, len(train) if isinstance(train, Sized) else None)
        if progress.batch:
            set_generator_state(random_state)  # as in fit
        batches = self._batches(train, progress.batch)
        progress.begin_epoch()
        self.model.train()
        for x, y in batches:
            progress.end_batch(len(x), self._step(x, y))
            self._call("on_batch_end", len(x), progress.means)
        row = progress.means()  # waits for a GPU, so it belongs to the time
        seconds = progress.seconds
        row.update(seconds=seconds, images_per_second=progress.means.images / seconds)
        if validation is not None:
            row.update({f"val_{k}": v for k, v in self.evaluate(validation).items()})
        self.history.rows.append(row)
        progress.end_epoch()
        self._call("on_epoch_end", number, row)
        _check_finite(number, row)

    def _step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Learn from one batch; loss and metrics before the step."""
        outputs = self.model(x)
        loss = self.loss(outputs, y)
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip_norm is not None:
            # Not the model's: one that the optimizer leaves out would sum up its gradient for ever.
            learned = [p for group in self.optimizer.param_groups for p in group["params"]]
            clip_grad_norm(learned, self.clip_norm)
        self.optimizer.step()
        return self._measure(outputs, y, loss)

    def _measure(self, outputs: Tensor, y: Tensor, loss: Tensor) -> dict[str, Tensor]:
        with no_grad():
            measured = {name: metric(outputs, y) for name, metric in self.metrics.items()}
        return {"loss": loss, **{name: as_tensor(value) for name, value in measured.items()}}

    def _batches(self, data: Batches, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches from the given one on, where the model is; a DataLoader's epoch is begun."""
        if isinstance(data, ArrayDataset):
            raise TypeError(
                "data: got an ArrayDataset, expected batches: DataLoader(dataset, batch_size=32)"
            )
        batches = data.on(self.device, start) if isinstance(data, DataLoader) else data
        return self._placed(batches, empty=start == 0)

    def _placed(self, batches: Batches, empty: bool) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in batches:
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise ValueError(
                    f"data: got a batch of type {type(batch).__name__}, expected pairs "
                    "(images, labels), as a DataLoader gives them"
                )
            empty = False
            yield self._place(batch[0]), self._place_labels(batch[1])
        if empty:
            raise ValueError("data: got no batch at all (an iterator gives its batches only once)")

    def _place(self, value: Any) -> Tensor:
        tensor = as_tensor(value)
        if tensor.ndim == 4:
            tensor = Tensor(as_nchw(as_chwn(tensor.data)))  # free if the batch is batch-last
        return tensor.to(self.device)

    def _place_labels(self, value: Any) -> Tensor:
        labels = as_tensor(value)
        # Class indices stay on the CPU: losses check them, and would have to wait for a GPU.
        return labels if labels.dtype.kind in "iu" else self._place(labels)

    def _call(self, event: str, *args: Any) -> None:
        for callback in sorted(self.callbacks, key=lambda callback: callback.rank):
            getattr(callback, event)(self, *args)


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name}: got {value!r}, expected an integer of 1 or more")
    return int(value)


def _check_finite(epoch: int, row: dict[str, float]) -> None:
    for name in ("loss", "val_loss"):
        if not math.isfinite(row.get(name, 0.0)):
            raise FloatingPointError(
                f"fit: {name} of epoch {epoch} is {row[name]}; try a smaller learning rate, or "
                "find the cause inside minicnn.detect_anomaly()"
            )


def _named_metric(metric: str | Metric) -> tuple[str, Metric]:
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric not in METRICS:
        raise ValueError(f"metrics: got {metric!r}, expected one of {', '.join(METRICS)}")
    return metric, METRICS[metric]

"""The training loop: batches in, gradients back, a step of the optimizer, and what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from .. import ops
from ..autograd import Tensor, no_grad
from ..backend import array_module, resolve_device
from ..backend.layout import as_chwn, as_nchw
from ..data import ArrayDataset, DataLoader
from ..nn import Module
from ..nn.module import evaluating
from ..ops.convert import as_tensor
from ..optim import Optimizer
from .callbacks import Callback
from .history import History

__all__ = ["Trainer"]

Batches = Iterable[tuple[Any, Any]]
Metric = Callable[[Tensor, Tensor], Tensor]

METRICS: dict[str, Metric] = {"accuracy": ops.accuracy}


class Means:
    """Running means over images; calling it gives them as numbers.

    Between calls the sums stay on the device, so that a GPU is not made to wait after every batch.
    """

    def __init__(self) -> None:
        self.images = 0
        self._sums: dict[str, Any] = {}

    def add(self, images: int, values: dict[str, Tensor]) -> None:
        """Add the means over a batch of that many images."""
        self.images += images
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.data.astype(np.float64) * images

    def __call__(self) -> dict[str, float]:
        return {name: float(total) / self.images for name, total in self._sums.items()}


class Trainer:
    """Trains a model with an optimizer on batches of (images, labels), as a DataLoader gives them.

    loss: a function (outputs, labels) -> Tensor of one element, the mean over the batch.
    metrics: names ("accuracy") or functions (outputs, labels) -> one number, the batch's mean.
    device: where to train; None is where the model is.
    callbacks: ``Callback`` objects, ``ProgressBar()`` for one.
    Raises ValueError for an unknown metric or two of one name, DeviceError for a device that
    cannot be used.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Tensor] = ops.cross_entropy,
        metrics: Sequence[str | Metric] = ("accuracy",),
        device: str | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        named = [_named_metric(metric) for metric in metrics]
        names = ["loss", *(name for name, _ in named)]
        if len(set(names)) < len(names):
            raise ValueError(f"metrics: {', '.join(names)} are not all different names")
        self.metrics = dict(named)
        if device is not None:
            model.to(device)
        self.device = next((p.device for p in model.parameters()), resolve_device(device))
        self.callbacks = tuple(callbacks)
        self.history = History()

    def fit(self, train: Batches, epochs: int, validation: Batches | None = None) -> History:
        """Go through the training data that many times; returns the History, which goes on growing.

        Raises ValueError for epochs below 1 or data without a batch, FloatingPointError when the
        loss is no longer a finite number.
        """
        epochs = _positive("epochs", epochs)
        self._call("on_fit_begin", epochs)
        try:
            for epoch in range(1, epochs + 1):
                row = self._epoch(train, epoch)
                if validation is not None:
                    row.update({f"val_{k}": v for k, v in self.evaluate(validation).items()})
                self.history.rows.append(row)
                self._call("on_epoch_end", epoch, row)
                _check_finite(epoch, row)
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

    def _epoch(self, train: Batches, epoch: int) -> dict[str, float]:
        self._call("on_epoch_begin", epoch, len(train) if isinstance(train, Sized) else None)
        means, start = Means(), time.perf_counter()
        self.model.train()
        for x, y in self._batches(train):
            outputs = self.model(x)
            loss = self.loss(outputs, y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            means.add(len(x), self._measure(outputs, y, loss))
            self._call("on_batch_end", len(x), means)
        row = means()
        seconds = time.perf_counter() - start
        return {**row, "seconds": seconds, "images_per_second": means.images / seconds}

    def _measure(self, outputs: Tensor, y: Tensor, loss: Tensor) -> dict[str, Tensor]:
        with no_grad():
            measured = {name: metric(outputs, y) for name, metric in self.metrics.items()}
        return {"loss": loss, **{name: as_tensor(value) for name, value in measured.items()}}

    def _batches(self, data: Batches) -> Iterator[tuple[Tensor, Tensor]]:
        if isinstance(data, ArrayDataset):
            raise TypeError(
                "data: got an ArrayDataset, expected batches: DataLoader(dataset, batch_size=32)"
            )
        empty = True
        for batch in data.on(self.device) if isinstance(data, DataLoader) else data:
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
        for callback in self.callbacks:
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

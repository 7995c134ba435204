"""The training loop."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from typing import Any

from numpy.typing import ArrayLike

from .. import ops
from ..autograd import Tensor
from ..backend import resolve_device
from ..backend.random import Part, generator_state, set_generator_state
from ..checks import check_flag, check_integer, check_number
from ..nn import Module
from ..nn.modes import evaluating
from ..optim import Optimizer
from ..parallel import Group, group
from ..parallel.processes import own_device
from .batches import (
    Batches,
    as_inputs,
    compute_outputs,
    concatenate,
    in_batches,
    place_batches,
)
from .callback import Callback
from .data_parallel import DataParallel
from .finite import check_finite, check_losses
from .fit_checks import (
    check_batches,
    check_callbacks,
    check_graph,
    check_new_parameters,
    check_optimizer,
    warn_of_untrained,
)
from .history import History
from .measures import Measures, Metric
from .options import training_options
from .progress import Progress
from .steps import Steps
from .training_state import TrainingState


class Trainer:
    """Trains a model with an optimizer on batches of (images, labels), such as a DataLoader.

    Several inputs are a tuple, and the model is called with each: ``model(*images)``. Labels may
    have any dtype and shape that the loss takes. Several outputs or labels reach the loss and the
    metrics as tuples.

    loss: a function (outputs, labels) -> Tensor of one element, the mean over the batch.
    metrics: names ("accuracy") or functions (outputs, labels) -> one number, the mean over the
    batch. The default is the accuracy, or no metric for a loss of ops or nn without classes (mean
    squared, absolute, Huber, binary cross-entropy). device: where to train; None stays where the
    model is. callbacks: see ``Callback``. clip_norm: scale the gradients of each batch so that the
    norm of all parameters of the optimizer together is at most this (``optim.clip_grad_norm``).
    graph: record the operations of a step once per epoch and replay them for each batch of the same
    shape, so that small networks do not wait for Python: a CUDA graph on a GPU, a list of kernels
    on the device "native". ``forward``, the loss and the metrics are then called for one or two
    batches of an epoch only, and must not depend on anything that changes between batches except
    the tensors; see docs/devices.md. None does so on "native" for networks, losses and metrics of
    minicnn only, and callbacks that allow it.
    parallel: whether this process trains together with those that were launched with it, by
    ``mpiexec`` for example: each computes its part of every batch, and all take the same step. None
    does so if there are others; see docs/parallel.md.

    The means of an epoch are over its images; those of cross_entropy, nll_loss and "accuracy" are
    over the labels other than the loss's ignore_index, without regard to class weights.

    Raises TypeError for arguments of other types, ValueError for an optimizer of another model, for
    an unknown metric, for two of the same name and for a clip_norm that is not above 0, DeviceError
    for a device that cannot be used, ParallelError for processes that cannot work together.

    A callback sets ``stop_training`` to end training after the epoch; ``progress`` tells how far
    it is.

    >>> train, test = mc.data.load("digits")
    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters(), lr=0.01))
    >>> history = trainer.fit(mc.data.DataLoader(train, 32, shuffle=True), epochs=3)
    >>> trainer.evaluate(mc.data.DataLoader(test, 100))["accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Tensor] = ops.cross_entropy,
        metrics: Sequence[str | Metric] | None = None,
        device: str | None = None,
        callbacks: Sequence[Callback] = (),
        clip_norm: float | None = None,
        graph: bool | None = None,
        parallel: bool | None = None,
    ) -> None:
        check_optimizer("Trainer", model, optimizer, loss)
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self._measures = Measures(loss, metrics)
        self.metrics = self._measures.metrics
        if clip_norm is not None:
            check_number("clip_norm", clip_norm, "a number above 0, or inf")
        self.clip_norm = clip_norm
        processes = _processes(parallel)
        self._parallel = DataParallel(processes, self._measures)
        device = own_device(device, processes)
        if device is not None:
            model.to(device)
        self.device = next((p.device for p in model.parameters()), resolve_device(device))
        self.graph = None if graph is None else check_flag("Trainer: graph", graph)
        if graph and not self.device.startswith(("cuda", "native")):
            raise ValueError(
                f"Trainer: graph: got True on the device {self.device!r}, expected a GPU or "
                '"native": Trainer(..., device="cuda", graph=True)'
            )
        if graph and processes.size > 1:
            raise ValueError(
                f"Trainer: graph: got True in {processes.size} processes, whose messages a "
                "graph cannot hold; leave it out"
            )
        self.callbacks = check_callbacks(callbacks)
        self.history = History()
        self.progress, self.stop_training = Progress(), False
        self._state = TrainingState(self)
        self._made_with = [*model.parameters()]

    def fit(
        self,
        train: Batches,
        epochs: int,
        validation: Batches | None = None,
        resume: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    ) -> History:
        """Train for ``epochs`` epochs; returns the History, which later calls extend.

        resume: a file that a ``Checkpoint`` wrote, or a ``state_dict()``, from a fit with the same
        arguments of a Trainer made in the same way; other options are an error. Training
        continues from there until it has ``epochs`` epochs in all, and everything except the
        seconds becomes, bit by bit, what it would have been without an interruption, provided that
        transforms and callbacks take their random numbers from the global generator. A training
        that had ended, by its epochs or by a callback, is not continued.

        Raises TypeError or ValueError for epochs below 1, data that is not batches or has none, an
        optimizer that no longer belongs to the model, and callbacks that cannot work in this fit;
        CheckpointError, a ValueError, for a file that is not an intact checkpoint of such a
        training: then nothing has been changed; ParallelError for processes that differ. Raises
        FloatingPointError when the loss, a weight, a buffer or the state of the optimizer is no
        longer finite.
        """
        epochs = check_integer("epochs", epochs, least=1)
        check_batches("fit: train", train, epochs)
        if validation is not None:
            check_batches("fit: validation", validation, epochs)
        check_optimizer("fit", self.model, self.optimizer, self.loss)
        warn_of_untrained(self.model, self.optimizer)
        before = self.progress, self.stop_training
        self.progress, self.stop_training = Progress(train, validation), False
        try:
            self._prepare(resume)
        except BaseException:
            self.progress, self.stop_training = before
            raise
        random_state = generator_state()
        self._call("on_fit_begin", epochs)
        if resume is not None:
            set_generator_state(random_state)  # on_fit_begin drew its numbers in the first run
        steps = Steps(self, self._measures, self._parallel)
        try:
            while self.progress.epoch < epochs and not self.stop_training:
                self._run_epoch(steps, train, validation)
        finally:
            del steps  # and the memory of a recording
            self._call("on_fit_end")
        self.check_finite("fit: after the last epoch")
        return self.history

    def _prepare(self, resume: str | os.PathLike[str] | Mapping[str, Any] | None) -> None:
        """Check what ``fit`` was given and, if all of it can be used, restore the state."""
        if self.graph:
            check_graph(self.model, self.loss, self.optimizer, self.callbacks)
        self._parallel.group.from_first(lambda: self._call("check_fit", first_only=True))
        self._call("check_fit", first_only=False)
        options = training_options(self)  # before callbacks and the checkpoint change them
        self._parallel.check(
            self.model, self.loss, self.progress, {**options, "device": self.device.split(":")[0]}
        )
        if resume is not None:
            self._parallel.group.from_first(lambda: self._state.resume(resume, options))
        if self._parallel.group.size > 1:
            self._state.restore(self._parallel.group.broadcast(self.state_dict()))
        self._state.begin(options)
        self.check_finite("fit: before the first batch")

    def check_finite(self, where: str) -> None:
        """Raise FloatingPointError, naming the array, for weights that are not finite.

        Also for buffers and the state of the optimizer. where: what the message begins with.
        ``fit`` calls this at its beginning and end and after each epoch; call it in a callback that
        saves the model, before it overwrites a good file. Arrays that are not learned and were not
        finite when the Trainer was made, such as a mask of -inf, are allowed.
        """
        check_finite(where, self.model, self.optimizer, self._state.constants)

    def evaluate(self, data: Batches) -> dict[str, float]:
        """Loss and metrics over the data in evaluation mode, without recording a graph.

        Raises TypeError or ValueError for data that is not batches, or has none.
        """
        check_batches("evaluate: data", data)
        with evaluating(self.model):
            return self._parallel.mean_over(self._evaluated(data))

    def _evaluated(self, data: Batches) -> Iterator[tuple[dict[str, Tensor], Any, Part]]:
        """The loss and the metrics of each batch, with its labels."""
        for x, y, part in place_batches(data, self.device, share=self._parallel.share):
            outputs = compute_outputs(self.model, x)
            yield self._measures.values(self.loss(outputs, y), outputs, y), y, part

    def predict(
        self, x: ArrayLike | Tensor | tuple[ArrayLike | Tensor, ...], batch_size: int = 512
    ) -> Any:
        """The model's outputs (logits) for images (N, C, H, W), in evaluation mode, unrecorded.

        uint8 images are read as x / 255, as in the data sets.
        A Tensor, or a tuple if the model returns one. x is a tuple for a model with several inputs.
        The classes are ``trainer.predict(x).data.argmax(1)``.

        Raises TypeError for data sets and loaders, ValueError for no images.
        """
        inputs = as_inputs("predict: x", x)
        batch_size = check_integer("batch_size", batch_size, least=1)
        with evaluating(self.model):
            batches = in_batches(inputs, batch_size, self.device)
            return concatenate("predict", [compute_outputs(self.model, x) for x in batches])

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, as plain values and arrays.

        The model, the loss, the optimizer, callbacks, the random generator, the position in the
        data and the History. ``fit(..., resume=state)`` continues from it exactly.
        """
        return self._state.save()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a ``state_dict()``, perhaps on another device; all of it or, on error, nothing.

        A later ``fit`` trains for more epochs; to finish the interrupted one, pass it the state as
        ``resume``. Raises ValueError if the state does not fit: another model or optimizer, other
        metrics, callbacks or data.
        """
        self._state.load(state_dict)

    def _run_epoch(self, step: Steps, train: Batches, validation: Batches | None) -> None:
        progress, number = self.progress, self.progress.epoch + 1
        random_state = generator_state()
        self._call("on_epoch_begin", number, len(train) if isinstance(train, Sized) else None)
        if progress.batch:
            set_generator_state(random_state)  # as in fit
        batches = place_batches(train, self.device, progress.batch, self._parallel.share)
        progress.begin_epoch()
        self.model.train()
        step.begin_epoch()
        for x, y, part in batches:
            if not self.model.training:  # a callback called eval() and not train()
                self.model.train()
            progress.end_batch(part.whole, *step(x, y, part))
            if progress.batch == 1:
                check_new_parameters(self.model, self.optimizer, self._made_with)
            self._call("on_batch_end", part.whole, progress.means)
        row = progress.means()  # waits for a GPU, so it is part of the time
        seconds = progress.seconds
        row.update(seconds=seconds, images_per_second=progress.means.images / seconds)
        if math.isfinite(row["loss"]):  # otherwise the callbacks see the row first
            self.check_finite(f"fit: epoch {number}")
        self._parallel.end_epoch(number, self.model, self.loss, row)
        if validation is not None:
            row.update({f"val_{k}": v for k, v in self.evaluate(validation).items()})
        self.history.rows.append(row)
        progress.end_epoch()
        self._call("on_epoch_end", number, row)
        self.stop_training = self._parallel.is_any(self.stop_training)
        check_losses(number, row)

    def _call(self, event: str, *args: Any, first_only: bool | None = None) -> None:
        """Call the callbacks; first_only: those of the first process alone, or the others."""
        for callback in sorted(self.callbacks, key=lambda callback: callback.rank):
            is_first_only = callback.first_process_only
            if is_first_only and self._parallel.group.rank > 0:
                continue
            if first_only is None or first_only == is_first_only:
                getattr(callback, event)(self, *args)


def _processes(parallel: bool | None) -> Group:
    """The processes that train together."""
    if parallel is None:
        return group()
    if not check_flag("Trainer: parallel", parallel):
        return Group()
    if group().size == 1:
        warnings.warn(
            "Trainer: parallel: got True, but there is one process only; start several with "
            "mpiexec -n 2 python ...",
            stacklevel=3,
        )
    return group()

"""The callback that keeps a few states of the model from the course of a training."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..backend import Array, to_device
from ..checks import check_integer
from ..fields import count, fields, items, pair, values
from .callback import Callback
from .checkpoint_file import array
from .finite import has_finite_loss
from .state import check_weights
from .trainer import Trainer

LARGEST = float(np.finfo(np.float16).max)  # 65504


class Snapshot(NamedTuple):
    """The weights and buffers after some epochs; epoch 0 is the start of the training."""

    epoch: int
    state: dict[str, Array]


class Snapshots(Callback):
    """Keeps ``k`` states of the model in float16: the start, the last, and others evenly between.

    states: (epoch, state) in order, the state with the names of ``model.state_dict()``.
    ``page.write(..., snapshots=...)`` shows them; ``model.load_state_dict(state)`` goes back.

    Of E epochs in all, those kept are round(i E / (k - 1)) for i = 0..k - 1. A later ``fit`` makes
    E larger: then the earlier states nearest to the new epochs stay. If a callback ends the
    training before E, the state after that epoch is the last. Each is taken at the end of its
    epoch, before ``EarlyStopping`` restores the weights of a better one; an epoch whose loss is not
    finite has none.

    float16 has about three digits. Values beyond its range of ±65504 are clipped to it, with a
    RuntimeWarning that names the array; integers keep their type. In several processes the first
    one has the states.

    Raises TypeError or ValueError for a k below 2.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> snapshots = mc.train.Snapshots(k=3)
    >>> trainer = mc.train.Trainer(
    ...     model, mc.optim.Adam(model.parameters()), callbacks=[snapshots]
    ... )
    >>> batches = mc.data.DataLoader(mc.data.load("digits", "test"), 128)
    >>> history = trainer.fit(batches, epochs=4)
    >>> [epoch for epoch, state in snapshots.states]
    [0, 2, 4]
    """

    rank: ClassVar[int] = 1  # after callbacks that end the training, before the Checkpoint
    added_columns: ClassVar = ()
    graph_safe: ClassVar = True
    first_process_only: ClassVar = True
    resume_options: ClassVar = ("k",)

    def __init__(self, k: int = 8) -> None:
        self.k = check_integer("Snapshots: k", k, least=2)
        self.states: list[Snapshot] = []
        self._wanted: set[int] = set()

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        done = len(trainer.history)  # by earlier fits, too
        if done == 0 and trainer.progress.at_start:  # not resumed in the middle of the first epoch
            self.states = []
        total = done - trainer.progress.epoch + epochs
        self._wanted = {round(i * total / (self.k - 1)) for i in range(self.k)}
        if not self.states:
            self._keep(trainer, done)
        past = [epoch for epoch in self._wanted if epoch <= done]
        kept = {min(self.states, key=lambda s: abs(s.epoch - epoch)).epoch for epoch in past}
        self.states = [snapshot for snapshot in self.states if snapshot.epoch in kept]

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        done = len(trainer.history)
        is_wanted = done in self._wanted or trainer.stop_training
        if is_wanted and has_finite_loss(row):
            self._keep(trainer, done)

    def _keep(self, trainer: Trainer, epoch: int) -> None:
        state = {name: _as_half(name, x) for name, x in trainer.model.state_dict().items()}
        self.states.append(Snapshot(epoch, state))

    def state_dict(self) -> dict[str, Any]:
        return {"states": [[epoch, state] for epoch, state in self.states]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        states = _check_state("state dict: Snapshots", state_dict)["states"]
        self.states = [Snapshot(snapshot[0], snapshot[1]) for snapshot in states]

    def check_loaded(self, trainer: Trainer) -> None:
        own = trainer.model.state_dict()
        for epoch, state in self.states:
            check_weights(f"state dict: Snapshots: epoch {epoch}", state, own, any_float=True)


_check_state = fields({"states": items(pair(count, values(array)))})


def _as_half(name: str, x: Array) -> Array:
    """A copy on the CPU, floats as float16."""
    values = np.array(to_device(x, "cpu"))
    if values.dtype.kind != "f":
        return values
    if np.any(np.abs(values) > LARGEST):
        warnings.warn(
            f"Snapshots: {name} has values beyond ±65504, the range of float16; they are clipped",
            RuntimeWarning,
            stacklevel=4,
        )
    return np.clip(values, -LARGEST, LARGEST).astype(np.float16)

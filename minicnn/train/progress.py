"""Where a training is: the epochs and batches done, their order, the means so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor
from ..backend import Array, is_in_cpu_memory
from ..data import DataLoader
from ..fields import count, fields, mapping, number, optional, values
from .batches import Batches
from .fetch import fetch

MOST_WAITING = 1024
"""Means of batches that are kept on a GPU: each takes 512 bytes there."""


SHORTEST = 1e-6
"""Seconds: what a clock that stands still, is set back, or tells no time, counts as."""


def seconds_since(start: float) -> float:
    """The time since a value of ``time.perf_counter``, always above 0 and finite."""
    passed = time.perf_counter() - start
    return passed if SHORTEST < passed < math.inf else SHORTEST


class Means:
    """Running means over images, or over other parts of a batch; a call returns them as numbers.

    Between calls the means of batches stay on their GPU, so that none has to wait for it.
    """

    def __init__(self) -> None:
        self.images = 0
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._waiting: dict[str, list[tuple[Array, int]]] = {}  # means on a GPU, not added yet

    def add(self, images: int, values: Mapping[str, Tensor], counts: Mapping[str, int]) -> None:
        """Add the means over a batch of this many images; counts: for means not over images."""
        self.images += images
        for name, value in values.items():
            count = counts.get(name, images)
            self._counts[name] = self._counts.get(name, 0) + count
            waiting = self._waiting.setdefault(name, [])
            if count:  # a mean over nothing is NaN, and adds nothing
                waiting.append((value.data, count))
            if is_in_cpu_memory(value.data) or len(waiting) == MOST_WAITING:
                self._add_waiting(name)

    def _add_waiting(self, name: str) -> None:
        """Add in float64, on the CPU, the means that wait."""
        waiting = self._waiting.pop(name, [])
        total = self._sums.get(name, 0.0)
        for value, (_, size) in zip(fetch([x for x, _ in waiting]), waiting, strict=True):
            total += value * size
        self._sums[name] = total

    def __call__(self) -> dict[str, float]:
        for name in list(self._waiting):
            self._add_waiting(name)
        return {
            name: self._sums[name] / count if count else math.nan
            for name, count in self._counts.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The sums and counts, as values that JSON can hold."""
        self()
        return {
            "images": self.images,
            "sums": dict(self._sums),
            "counts": dict(self._counts),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a ``state_dict()``. Raises ValueError for another kind of state."""
        state = _check_means("state dict: means", state_dict)
        # In older checkpoints, which have no counts, all means are over images.
        counts = state.get("counts", dict.fromkeys(state["sums"], state["images"]))
        if counts.keys() != state["sums"].keys():
            raise ValueError(
                f"state dict: means: got counts of {[*counts]}, expected {[*state['sums']]}"
            )
        self.images, self._sums, self._counts = state["images"], state["sums"], counts
        self._waiting.clear()


class Progress:
    """How far a ``Trainer.fit`` has come.

    epoch: completed epochs. batch: completed batches of the current epoch. means: over these
    batches. order: the image order of the epoch, if train is a DataLoader.
    """

    def __init__(self, train: Batches = (), validation: Batches | None = None) -> None:
        self.train, self.validation = train, validation
        self.epoch = self.batch = 0
        self.means = Means()
        self.order: NDArray[np.int64] | None = None
        self._before = self._start = 0.0

    def begin_epoch(self) -> None:
        """Start or continue the clock of the epoch, and note the order of the loader."""
        self._start = time.perf_counter() - self._before
        self.order = self.train.order if isinstance(self.train, DataLoader) else None

    def end_batch(
        self, images: int, values: Mapping[str, Tensor], counts: Mapping[str, int]
    ) -> None:
        """Count a completed batch of this many images, with these means."""
        self.batch += 1
        self.means.add(images, values, counts)

    def end_epoch(self) -> None:
        """Count a completed epoch, including its validation."""
        self.epoch += 1
        self.batch, self.means, self.order = 0, Means(), None
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """The time spent on the epoch, without the time between an interruption and its resume."""
        return seconds_since(self._start)

    @property
    def at_start(self) -> bool:
        """Whether no batch is done yet, neither by this fit nor by the one that it resumes."""
        return self.epoch == self.batch == 0

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to continue from here, including the states of the loaders."""
        train = _loader_state(self.train)
        if train is not None:
            # Not the loader's current order: a callback may have started another epoch since.
            train["order"] = self.order
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "seconds": self.seconds if self.batch else 0.0,
            "means": self.means.state_dict(),
            "train": train,
            "validation": _loader_state(self.validation),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a ``state_dict()`` with the same data.

        Raises ValueError for loaders that differ, and in the middle of an epoch for data that is
        not a DataLoader: nothing else can start there.
        """
        state = _check_progress("state dict: progress", state_dict)
        means = Means()
        means.load_state_dict(state["means"])
        if state["batch"]:
            self._check_middle(state, means.images)
        for name in ("validation", "train"):  # train last, in case both are the same loader
            data = getattr(self, name)
            if isinstance(data, DataLoader) and state[name] is not None:
                data.load_state_dict(state[name])
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._before, self.means = state["seconds"], means

    def position(self) -> Callable[[], None]:
        """A function that goes back to where the training and its loaders are now."""
        own = vars(self).copy()
        loaders = [data for data in (self.train, self.validation) if isinstance(data, DataLoader)]
        theirs = [(loader, loader.epoch, loader.order) for loader in loaders]

        def go_back() -> None:
            vars(self).update(own)
            for loader, epoch, order in theirs:
                loader.epoch, loader.order = epoch, order

        return go_back

    def _check_middle(self, state: Mapping[str, Any], images: int) -> None:
        """Raise ValueError unless the data can continue there, in the middle of an epoch."""
        where = f"state dict: from the middle of epoch {state['epoch'] + 1}"
        if not isinstance(self.train, DataLoader):
            raise ValueError(
                f"{where}, where only a DataLoader can continue, but train is a "
                f"{type(self.train).__name__}"
            )
        done = sum(self.train.batch_sizes()[: state["batch"]])
        if state["batch"] > len(self.train) or images != done:
            raise ValueError(
                f"{where}, after {state['batch']} batches of {images} images, but here these are "
                f"{min(state['batch'], len(self.train))} of {done}"
            )
        if state["train"] is None or state["train"].get("order") is None:
            raise ValueError(f"{where}, without the order of its images")


_check_means = fields(
    {"images": count, "sums": values(number()), "counts": values(count)}, may_lack=["counts"]
)
_check_progress = fields(
    {
        "epoch": count,
        "batch": count,
        "seconds": number("a number of 0 or more"),
        "means": mapping,
        "train": optional(mapping),  # the loaders check theirs
        "validation": optional(mapping),
    }
)


def _loader_state(data: Batches | None) -> dict[str, Any] | None:
    """The state of a DataLoader without its order, which is not needed between epochs."""
    return {**data.state_dict(), "order": None} if isinstance(data, DataLoader) else None

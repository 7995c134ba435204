"""Where a training is: epochs and batches done, the order they come in, the means so far."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor
from ..data import DataLoader

Batches = Iterable[tuple[Any, Any]]


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

    def state_dict(self) -> dict[str, Any]:
        """The sums, in what JSON can hold."""
        return {"images": self.images, "sums": {n: float(s) for n, s in self._sums.items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a ``state_dict()``."""
        self.images, self._sums = state_dict["images"], dict(state_dict["sums"])


class Progress:
    """How far a ``Trainer.fit`` is.

    epoch: epochs that are complete. batch: batches done of the one after them. means: over these
    batches. order: that of the epoch, if train is a DataLoader.
    """

    def __init__(self, train: Batches = (), validation: Batches | None = None) -> None:
        self.train, self.validation = train, validation
        self.epoch = self.batch = 0
        self.means = Means()
        self.order: NDArray[np.int64] | None = None
        self._before = self._start = 0.0

    def begin_epoch(self) -> None:
        """Start the clock of the epoch, or go on with it; the order is the loader's."""
        self._start = time.perf_counter() - self._before
        self.order = self.train.order if isinstance(self.train, DataLoader) else None

    def end_batch(self, images: int, values: dict[str, Tensor]) -> None:
        """One more batch of that many images is done, with these means."""
        self.batch += 1
        self.means.add(images, values)

    def end_epoch(self) -> None:
        """The epoch is complete, its validation too."""
        self.epoch += 1
        self.batch, self.means, self.order = 0, Means(), None
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """The time since the epoch began, without that between an end and a resumption."""
        return time.perf_counter() - self._start

    @property
    def at_start(self) -> bool:
        """Whether nothing is done yet: no batch by this fit, none by one that it resumes."""
        return self.epoch == self.batch == 0

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on from here, the states of the loaders too."""
        train = _loader_state(self.train)
        if train is not None:
            # Not the loader's own order: a callback may have read another epoch from it since.
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
        """Go on from a ``state_dict()`` with the same data.

        Raises ValueError for loaders that differ, and in the middle of an epoch for data that is no
        DataLoader: nothing else can start there.
        """
        if state_dict["batch"] and not isinstance(self.train, DataLoader):
            raise ValueError(
                f"it is from the middle of epoch {state_dict['epoch'] + 1}, where only a "
                f"DataLoader can go on, but train is a {type(self.train).__name__}"
            )
        for name in ("validation", "train"):  # train comes last, if both are one loader
            data, state = getattr(self, name), state_dict[name]
            if isinstance(data, DataLoader) and state is not None:
                data.load_state_dict(state)
        self.epoch, self.batch = state_dict["epoch"], state_dict["batch"]
        self._before = state_dict["seconds"]
        self.means.load_state_dict(state_dict["means"])


def _loader_state(data: Batches | None) -> dict[str, Any] | None:
    """The state of a DataLoader without its order, which between epochs nobody needs."""
    return {**data.state_dict(), "order": None} if isinstance(data, DataLoader) else None

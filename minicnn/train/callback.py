"""The interface of the callbacks that the training loop calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .progress import Means

if TYPE_CHECKING:
    from .trainer import Trainer


class Callback:
    """Override the methods you need; by default none does anything.

    ``trainer.stop_training = True`` ends training after the epoch, ``trainer.progress`` tells how
    far it is. A callback whose state affects later training (a schedule, a best value) returns it
    from ``state_dict``, which is part of ``Trainer.state_dict`` and of checkpoints.

    >>> class Names(mc.train.Callback):
    ...     def on_epoch_end(self, trainer, epoch, row):
    ...         print(epoch, list(row)[:2])
    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()), callbacks=[Names()])
    >>> history = trainer.fit(mc.data.DataLoader(mc.data.load("digits", "test"), 128), epochs=1)
    1 ['loss', 'accuracy']
    """

    def __init_subclass__(cls) -> None:
        known = [name for name in vars(Callback) if name.startswith("on_")]
        for name in vars(cls):
            if name.startswith("on_") and name not in known:
                raise TypeError(
                    f"{cls.__name__}: {name} is never called, expected {', '.join(known)}"
                )

    rank: ClassVar[int] = 0
    """Callbacks of a higher rank are called after the others, whose results they save."""

    added_columns: ClassVar[Sequence[str] | None] = None
    """The columns that ``on_epoch_end`` adds to the History; None if they are not known."""

    graph_safe: ClassVar[bool] = False
    """Whether ``on_batch_end`` neither changes the model nor uses its outputs or gradients.

    ``Trainer(graph=True)`` refuses other callbacks that have this method.
    """

    first_process_only: ClassVar[bool] = False
    """Whether it is called in the first of several processes only, as what prints or writes files.

    All that changes the training must be called in every process: see ``minicnn.parallel``.
    """

    resume_options: ClassVar[Sequence[str]] = ()
    """The attributes that must be the same when a training is resumed."""

    @property
    def scheduled_options(self) -> Sequence[str]:
        """The options of the optimizer that it changes, such as "lr"; resuming ignores them."""
        return ()

    def check_fit(self, trainer: Trainer) -> None:
        """Called first in a fit: raise an error if the callback cannot work in it; change nothing.

        ``trainer.progress`` has the data, ``train`` and ``validation``.
        """

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int, batches: int | None) -> None:
        """Before an epoch (numbered from 1); batches: how many it has, if the data has a length.

        Also when training is resumed in the middle of one: ``trainer.progress.batch`` is not 0.
        """

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        """After each batch of ``images`` images; ``means()`` are those of the epoch so far."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        """After an epoch and its validation; row is the last one of the History."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, and also after an error or Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """Numbers, text, arrays, lists and dicts; always empty for a callback without a state.

        May be called before ``on_fit_begin``.
        """
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a ``state_dict()``; called before ``on_fit_begin``.

        Raise ValueError for what is not such a state, and change nothing then: a file may hold
        anything.
        """

    def check_loaded(self, trainer: Trainer) -> None:
        """Called after the whole state of a Trainer was loaded; raise ValueError if it is not fit.

        For what ``load_state_dict`` cannot see, such as weights that are not those of the model.
        Everything is then restored as it was before.
        """

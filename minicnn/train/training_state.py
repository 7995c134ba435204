"""The state of a whole training: saved, checked, and restored, all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..backend.random import generator_state, set_generator_state
from ..checks import brief
from ..nn import Module
from .callback import Callback
from .checkpoint_file import CheckpointError, read_checkpoint
from .finite import check_finite, nonfinite_constants
from .options import check_options, training_options
from .state import check_state, load_optimizer_state, optimizer_state

if TYPE_CHECKING:
    from .trainer import Trainer


class TrainingState:
    """What the rest of a training depends on, in the Trainer and in what it uses.

    constants: the arrays that may hold NaN or infinity, such as a mask of -inf.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._begun_with: dict[str, Any] = {}  # the options
        self.constants = nonfinite_constants(trainer.model)

    def begin(self, options: dict[str, Any]) -> None:
        """A ``fit`` begins with these options."""
        if not self._trainer.history.rows:  # a mask may have been loaded since
            self.constants = nonfinite_constants(self._trainer.model)
        self._begun_with = options

    def save(self) -> dict[str, Any]:
        """As plain values and arrays."""
        trainer = self._trainer
        return {
            "model": trainer.model.state_dict(),
            "loss": trainer.loss.state_dict() if isinstance(trainer.loss, Module) else {},
            "optimizer": optimizer_state(trainer.optimizer),
            "callbacks": [
                {"class": type(callback).__name__, "state": state}
                for callback in trainer.callbacks
                if (state := callback.state_dict())
            ],
            "generator": generator_state(),
            "progress": trainer.progress.state_dict(),
            "metrics": list(trainer.metrics),
            "history": [dict(row) for row in trainer.history.rows],
            "stopped": trainer.stop_training,
            "options": self._begun_with or training_options(trainer),
        }

    def resume(
        self, source: str | os.PathLike[str] | Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        """Load a state, or the file of one, of a training with these options."""
        if isinstance(source, Mapping):
            self.load(source, options)
            return
        state = read_checkpoint(source)
        try:
            self.load(state, options)
        except ValueError as error:
            raise CheckpointError(f"{os.fspath(source)}: cannot resume: {error}") from error

    def load(self, state: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> None:
        """Restore a state. Raises ValueError if it does not fit: then nothing is changed."""
        before = self.save()
        try:
            check_state(state, before)
            if options is not None:
                check_options(state.get("options", {}), options)
            with self._undone_on_error(before):
                self.restore(state)
                self._check_restored()
        except (ValueError, MemoryError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {brief(str(error))}"
            raise ValueError(f"state dict: does not fit ({reason})") from error

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state that has been checked."""
        self._restore(state, self._callbacks())
        self._trainer.progress.load_state_dict(state["progress"])

    @contextmanager
    def _undone_on_error(self, before: Mapping[str, Any]) -> Iterator[None]:
        """On any error, Ctrl-C included, bring back the state before."""
        callbacks, put_back = self._callbacks(), self._trainer.progress.position()
        try:
            yield
        except BaseException:
            self._restore(before, callbacks)
            put_back()
            raise

    def _check_restored(self) -> None:
        """Raise ValueError if training could not continue from here."""
        trainer = self._trainer
        for callback in trainer.callbacks:
            callback.check_loaded(trainer)
        constants = self.constants if trainer.history.rows else nonfinite_constants(trainer.model)
        try:
            check_finite("state dict", trainer.model, trainer.optimizer, constants)
        except FloatingPointError as error:
            raise ValueError(str(error)) from error

    def _callbacks(self) -> list[Callback]:
        """Those that have a state to save."""
        return [callback for callback in self._trainer.callbacks if callback.state_dict()]

    def _restore(self, state: Mapping[str, Any], callbacks: Sequence[Callback]) -> None:
        """All but the position in the data."""
        trainer = self._trainer
        for callback, entry in zip(callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(entry["state"])
        # After the schedules, which write into the options of the optimizer.
        load_optimizer_state(trainer.optimizer, state["optimizer"])
        trainer.model.load_state_dict(state["model"])
        if isinstance(trainer.loss, Module) and "loss" in state:
            trainer.loss.load_state_dict(state["loss"])
        set_generator_state(state["generator"])
        trainer.history.rows[:] = [dict(row) for row in state["history"]]
        trainer.stop_training = state["stopped"]

"""The state of a training as one tree of plain values and arrays: taken, compared and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..backend import Array
from ..backend.random import generator_state, set_generator_state

if TYPE_CHECKING:
    from .callbacks import Callback
    from .trainer import Trainer


def capture(trainer: Trainer) -> dict[str, Any]:
    """All that the further course of a training depends on, in arrays and in what JSON can hold."""
    optimizer = trainer.optimizer.state_dict()
    return {
        "model": trainer.model.state_dict(),
        "optimizer": {
            "class": type(trainer.optimizer).__name__,
            "groups": optimizer["param_groups"],
            "state": list(optimizer["state"].values()),
        },
        "callbacks": [
            {"class": type(callback).__name__, "state": state}
            for callback, state in _with_state(trainer)
        ],
        "generator": generator_state(),
        "progress": trainer.progress.state_dict(),
        "metrics": list(trainer.metrics),
        "history": [dict(row) for row in trainer.history.rows],
        "stopped": trainer.stop_training,
    }


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Put back what ``capture`` took, perhaps in another process or on another device.

    All of it or, on error, nothing. Raises ValueError when the Trainer is another one: its model,
    optimizer, metrics, callbacks with a state, or data.
    """
    before = capture(trainer)
    try:
        _check(trainer, state)
        _put_back(trainer, state)
    except Exception as error:
        _put_back(trainer, before)  # a part may have been written already
        if isinstance(error, ValueError):
            raise
        raise ValueError(f"its content does not fit, {error!r}") from error


def _with_state(trainer: Trainer) -> list[tuple[Callback, dict[str, Any]]]:
    states = [(callback, callback.state_dict()) for callback in trainer.callbacks]
    return [(callback, state) for callback, state in states if state]


def _check(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Compare what has a name; the rest is compared by what it belongs to."""
    differing = _differences(state["model"], trainer.model.state_dict())
    if differing:
        raise ValueError(f"it is of another model: {differing}")
    own: dict[str, str | list[str]] = {
        "optimizer": type(trainer.optimizer).__name__,
        "metrics": list(trainer.metrics),
        "callbacks with a state": [type(c).__name__ for c, _ in _with_state(trainer)],
    }
    saved = {
        "optimizer": state["optimizer"]["class"],
        "metrics": state["metrics"],
        "callbacks with a state": [entry["class"] for entry in state["callbacks"]],
    }
    for name, value in own.items():
        if saved[name] != value:
            raise ValueError(f"its {name}: {_shown(saved[name])}, this Trainer's: {_shown(value)}")


def _differences(there: Mapping[str, Array], here: Mapping[str, Array]) -> str:
    """The first weights of two models that differ in name, shape or dtype; empty if none does."""
    kinds = [{n: f"{a.dtype} {a.shape}" for n, a in state.items()} for state in (there, here)]
    names = [name for name in {**there, **here} if kinds[0].get(name) != kinds[1].get(name)]
    shown = [
        f"{name} is {kinds[0].get(name, 'missing')}, here {kinds[1].get(name, 'missing')}"
        for name in names[:3]
    ]
    return "; ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shown(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "none"


def _put_back(trainer: Trainer, state: Mapping[str, Any]) -> None:
    for (callback, _), entry in zip(_with_state(trainer), state["callbacks"], strict=True):
        callback.load_state_dict(entry["state"])
    # After the schedules, which write into the options of the optimizer.
    saved = state["optimizer"]
    first = trainer.optimizer.param_groups[0]  # JSON made lists of its tuples
    groups = [
        {k: tuple(v) if isinstance(first.get(k), tuple) else v for k, v in group.items()}
        for group in saved["groups"]
    ]
    entries = dict(enumerate(saved["state"]))
    trainer.optimizer.load_state_dict({"param_groups": groups, "state": entries})
    trainer.model.load_state_dict(state["model"])
    trainer.progress.load_state_dict(state["progress"])
    set_generator_state(state["generator"])
    trainer.history.rows[:] = [dict(row) for row in state["history"]]
    trainer.stop_training = state["stopped"]

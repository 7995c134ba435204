"""The options of a training, which must be the same when it is resumed from a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import brief
from ..data import DataLoader
from ..data.fingerprint import fingerprint
from ..nn import Module
from ..optim import Optimizer, Schedule
from .callback import Callback
from .progress import Progress

if TYPE_CHECKING:
    from .trainer import Trainer

DATA = ("train data", "validation data")  # options that say what the data sets hold


def training_options(trainer: Trainer) -> dict[str, Any]:
    """The options of the training by name, as they are now."""
    own = {"loss": describe(trainer.loss), "clip_norm": trainer.clip_norm}
    of_optimizer = _optimizer_options(trainer.optimizer, trainer.callbacks)
    of_callbacks = map(_callback_options, trainer.callbacks)
    of_data = _data_options(trainer.progress)
    return _merge([own, _model_options(trainer.model), of_data, of_optimizer, *of_callbacks])


def _optimizer_options(optimizer: Optimizer, callbacks: Iterable[Callback]) -> dict[str, Any]:
    """The options of an optimizer as values for JSON, except those that a callback changes."""
    left_out = {"params"}.union(*(callback.scheduled_options for callback in callbacks))
    options: dict[str, Any] = {}
    for i, group in enumerate(optimizer.param_groups):
        kind = type(optimizer).__name__
        prefix = kind if len(optimizer.param_groups) == 1 else f"{kind} group {i}"
        options |= _flat(prefix, {k: v for k, v in _numbered(group) if k not in left_out})
    return options


def _model_options(model: Module) -> dict[str, Any]:
    """How each layer of minicnn shows itself, with its options: "Dropout(p=0.5)"."""
    layers = ((n, m) for n, m in model.named_modules() if not any(m.children()))
    return {
        f"model {name or 'itself'}": repr(layer)
        for name, layer in layers
        if type(layer).__module__.startswith("minicnn.")  # others may show what they count
    }


def _callback_options(callback: Callback) -> dict[str, Any]:
    """The options that a callback declares, as values for JSON."""
    values = {name: attrgetter(name)(callback) for name in callback.resume_options}
    kind = type(callback).__name__
    return _flat(kind, {name.rpartition(".")[2]: value for name, value in values.items()})


def _data_options(progress: Progress) -> dict[str, Any]:
    """Whether there is validation, and the options of each DataLoader, such as "train shuffle".

    "train data" is what its data set holds, if that is in memory.
    """
    options: dict[str, Any] = {"validation": progress.validation is not None}
    for name in ("train", "validation"):
        data = getattr(progress, name)
        if isinstance(data, DataLoader):
            options |= _flat(name, {**data.state_dict()["options"], "transform": data.transform})
            if (content := fingerprint(data.dataset)) is not None:
                options[f"{name} data"] = content
    return options


def _merge(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All options in one dict."""
    options: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            while name in options:  # a second callback of the same class
                name += "'"
            options[name] = value
    return options


def describe(value: Any) -> Any:
    """A value for JSON: numbers and text as they are, functions and objects by name."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if hasattr(value, "__qualname__"):  # a function or a class
        return value.__qualname__
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))


def check_options(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise ValueError, naming them with both values, for options that differ.

    An option that only one of them has belongs to a part that is compared elsewhere.
    """
    differing = {
        name: f"{name}: {brief(saved[name])} in the checkpoint, {brief(value)} here"
        for name, value in own.items()
        if name in saved and saved[name] != value
    }
    if differing:
        kinds = {"data" if name in DATA else "options": None for name in differing}
        raise ValueError(
            f"state dict: of a training with other {' and '.join(kinds)}: "
            f"{'; '.join(differing.values())}. Leave "
            "them as they were; to train with others, start a new training from its weights: "
            "model.load_state_dict(train.load_weights(path))."
        )


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Schedule):
            flat |= _flat(type(value).__name__, value.options())
        else:
            flat[f"{prefix} {name}"] = describe(value)
    return flat


def _numbered(group: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The options of a group, with betas as betas[0] and betas[1]."""
    for name, value in group.items():
        if isinstance(value, tuple):
            yield from ((f"{name}[{i}]", part) for i, part in enumerate(value))
        else:
            yield name, value

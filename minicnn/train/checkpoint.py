"""Checkpoints: a training in one safetensors file, written so that a crash never leaves half of it.

The arrays are named by their path in the tree of ``state.capture``; the rest of the tree is JSON in
the file's metadata, beside the version of the format and a hash over all of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import io
from .._version import __version__
from ..autograd import Tensor
from ..backend import Array, is_array, to_device
from ..checks import check_integer
from ..data import DataLoader
from .best import Best
from .callbacks import Callback
from .state import capture, restore

if TYPE_CHECKING:
    from .progress import Means
    from .trainer import Trainer


FORMAT, VERSION = "minicnn checkpoint", 1
ARRAY = "$array"  # the key of what stands for an array in the JSON


class CheckpointError(ValueError):
    """A file that is no intact checkpoint, or one that this training cannot go on from."""


class Checkpoint(Callback):
    """Writes a checkpoint after every epoch, for ``fit(..., resume=path)``; the last one stays.

    every_batches: also after so many batches of an epoch; train must be a DataLoader then.
    keep_best: a column of the History, "val_accuracy" or "val_loss"; after an epoch with the best
    value so far the checkpoint is written to ``best_path`` too, run.best.ckpt beside run.ckpt.

    What is in it decides all that comes: weights, buffers, the state of the optimizer and of other
    callbacks (``Callback.state_dict``), the random generator, the place in the epoch, the History.
    A training whose loss is no finite number is not written. Raises ValueError for options that
    make no sense, OSError when the directory is missing or the file cannot be written.
    """

    rank: ClassVar[int] = 2  # after the others, whose state it takes

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_batches: int | None = None,
        keep_best: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.best_path = self.path.with_name(f"{self.path.stem}.best{self.path.suffix}")
        self.every = (
            None if every_batches is None else check_integer("every_batches", every_batches, 1)
        )
        self.best = None if keep_best is None else Best(keep_best)

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        train = trainer.progress.train
        if self.every is not None and not isinstance(train, DataLoader):
            raise ValueError(
                "every_batches: only a DataLoader can go on in the middle of an epoch, but train "
                f"is a {type(train).__name__}"
            )
        if not self.path.parent.is_dir():  # better now than after an epoch
            raise FileNotFoundError(f"Checkpoint: there is no directory {self.path.parent}")

    def on_batch_end(self, trainer: Trainer, images: int, means: Means) -> None:
        due = self.every is not None and trainer.progress.batch % self.every == 0
        if due and _is_finite(means()):
            _write(self.path, capture(trainer))

    def on_epoch_end(self, trainer: Trainer, epoch: int, row: dict[str, float]) -> None:
        if not _is_finite(row):
            return
        is_best = self.best is not None and self.best.update(row, "Checkpoint")
        state = capture(trainer)
        if is_best:  # first, so that the best value in a checkpoint always has its file
            _write(self.best_path, state)
        _write(self.path, state)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.best is None else self.best.state_dict()

    def load_state_dict(self, state_dict: Any) -> None:
        if self.best is not None:
            self.best.load_state_dict(state_dict)


def resume(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Bring a Trainer where the checkpoint was written; all of it or, on error, nothing.

    Raises CheckpointError for a file that is no intact checkpoint or of another training, OSError
    when it cannot be read.
    """
    state = _read(path)
    try:
        restore(trainer, state)
    except ValueError as error:
        raise CheckpointError(f"{os.fspath(path)}: cannot go on from here: {error}") from error


def load_weights(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The weights and buffers in a checkpoint, for ``model.load_state_dict``.

    Raises CheckpointError for a file that is no intact checkpoint, OSError.
    """
    weights: dict[str, Array] = _read(path)["model"]
    return weights


def _is_finite(row: dict[str, float]) -> bool:
    return all(math.isfinite(row.get(name, 0.0)) for name in ("loss", "val_loss"))


def _write(path: Path, state: dict[str, Any]) -> None:
    arrays: dict[str, Array] = {}
    tree = json.dumps(_pack(state, "", arrays))
    metadata = {"format": FORMAT, "version": str(VERSION), "minicnn": __version__, "state": tree}
    io.save(path, arrays, {**metadata, "sha256": _digest(arrays, metadata)})


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tree in a checkpoint. Raises CheckpointError, OSError."""
    name = os.fspath(path)
    try:
        arrays, metadata = io.load_with_metadata(path)
    except ValueError as error:
        raise CheckpointError(f"{error}; a checkpoint was expected") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{name}: no checkpoint of minicnn, but another safetensors file")
    if metadata.get("version") != str(VERSION):
        raise CheckpointError(
            f"{name}: a checkpoint of version {metadata.get('version')} (minicnn "
            f"{metadata.get('minicnn')}), but minicnn {__version__} reads version {VERSION}"
        )
    digest = metadata.pop("sha256", None)
    if digest != _digest(arrays, metadata):
        raise CheckpointError(f"{name}: the checkpoint is damaged, its hash does not fit")
    tree: dict[str, Any] = _unpack(json.loads(metadata["state"]), arrays)
    return tree


def _digest(arrays: dict[str, Array], metadata: dict[str, str]) -> str:
    """A hash over names, dtypes, shapes and content of the arrays, and over the metadata."""
    kinds = {name: [str(array.dtype), array.shape] for name, array in arrays.items()}
    digest = hashlib.sha256(json.dumps([metadata, kinds], sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _pack(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """The value as JSON can hold it; its arrays go into ``arrays``, named by their path.

    Raises TypeError, naming the path, for what JSON cannot hold.
    """
    if isinstance(value, Tensor):
        value = value.data
    if isinstance(value, np.generic):
        return value.item()
    if is_array(value):
        while path in arrays:  # {"a.b": x, "a": {"b": y}}
            path += "'"
        arrays[path] = np.asarray(to_device(value, "cpu"), order="C")
        return {ARRAY: path}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_pack(item, f"{path}.{i}", arrays) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        below = f"{path}." if path else ""
        return {key: _pack(item, below + key, arrays) for key, item in value.items()}
    raise TypeError(
        f"Checkpoint: {path} is a {type(value).__name__}, expected numbers, text, arrays, lists or "
        "dicts with text as keys"
    )


def _unpack(value: Any, arrays: dict[str, Array]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {ARRAY}:
        return arrays[value[ARRAY]]
    return {key: _unpack(item, arrays) for key, item in value.items()}

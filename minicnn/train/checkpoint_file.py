"""The file format of checkpoints: a tree of plain values and arrays in one safetensors file.

Arrays are named by their path in the tree. The rest of the tree is JSON in the file's metadata,
together with the version of the format and a hash of everything.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import io
from .._version import __version__
from ..autograd import Tensor
from ..backend import Array, is_array, to_device
from ..checks import brief
from ..fields import fields, values

FORMAT, VERSION = "minicnn checkpoint", 1
ARRAY = "$array"  # the key that marks an array in the JSON
DEEPEST = 100  # lists and dicts in each other


class CheckpointError(ValueError):
    """Raised for a file that is not an intact checkpoint, or that does not fit the training."""


def write_checkpoint(
    path: str | os.PathLike[str],
    state: Mapping[str, Any],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a tree of numbers, text, arrays, lists and dicts; a crash never leaves half a file.

    notes: more strings by name for the metadata of the file, which ``read_checkpoint`` leaves out.
    Raises TypeError, naming its path in the tree, for any other value, ValueError for a tree that
    is nested too deep, and OSError.
    """
    arrays: dict[str, Array] = {}
    tree = json.dumps(_pack(dict(state), "", arrays))
    metadata = {
        **(notes or {}),
        **{"format": FORMAT, "version": str(VERSION), "minicnn": __version__, "state": tree},
    }
    io.save_arrays("Checkpoint", path, arrays, {**metadata, "sha256": _digest(arrays, metadata)})


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the tree in a checkpoint; tuples are lists now.

    Raises CheckpointError for a file that is not an intact checkpoint, OSError if it cannot be
    read.
    """
    try:
        arrays, metadata = io.load_with_metadata(path, "checkpoint")
    except ValueError as error:
        raise CheckpointError(f"{error}; expected a checkpoint") from error
    name = os.fspath(path)
    if not is_checkpoint(metadata):
        raise CheckpointError(f"{name}: a safetensors file, but not a checkpoint of minicnn")
    if metadata.get("version") != str(VERSION):
        raise CheckpointError(
            f"{name}: a checkpoint of version {metadata.get('version')} (minicnn "
            f"{metadata.get('minicnn')}), but minicnn {__version__} reads version {VERSION}"
        )
    digest = metadata.pop("sha256", None)
    if digest != _digest(arrays, metadata):
        raise CheckpointError(f"{name}: the checkpoint is damaged, its hash does not match")
    try:
        tree = _unpack(json.loads(metadata["state"]), arrays)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {brief(str(error))}"
        raise CheckpointError(f"{name}: its state cannot be used ({reason})") from error
    if not isinstance(tree, dict):
        raise CheckpointError(f"{name}: its state is {brief(tree)}, expected values by name")
    return tree


def is_checkpoint(metadata: Mapping[str, str]) -> bool:
    """Whether a safetensors file with this metadata is a checkpoint, of any version."""
    return metadata.get("format") == FORMAT


def load_weights(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The weights and buffers in a checkpoint, for ``model.load_state_dict``.

    Raises CheckpointError for a file that is not an intact checkpoint, OSError if it cannot be
    read.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    >>> checkpoint = mc.train.Checkpoint("run.ckpt")
    >>> trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()), callbacks=[checkpoint])
    >>> history = trainer.fit(mc.data.DataLoader(mc.data.load("digits", "test"), 128), epochs=1)
    >>> list(mc.train.load_weights("run.ckpt"))
    ['1.weight', '1.bias']
    """
    try:
        weights: dict[str, Array] = _check_weights("state", read_checkpoint(path))["model"]
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{os.fspath(path)}: {error}") from error
    return weights


def array(name: str, value: Any) -> Array:
    """Check of an array of real numbers, see ``fields``."""
    if not is_array(value) or value.dtype.kind not in "fiub":
        raise ValueError(f"{name}: got {brief(value)}, expected an array of numbers")
    return value


_check_weights = fields({"model": values(array)})


def _digest(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """A hash over names, dtypes, shapes and content of the arrays, and over the metadata."""
    kinds = {name: [str(array.dtype), array.shape] for name, array in arrays.items()}
    digest = hashlib.sha256(json.dumps([metadata, kinds], sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _pack(value: Any, path: str, arrays: dict[str, Array], deepest: int = DEEPEST) -> Any:
    """The value as JSON can hold it; its arrays go into ``arrays``, named by their path."""
    _check_depth(path, deepest)
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
        return [_pack(item, f"{path}.{i}", arrays, deepest - 1) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(k, str) and k != ARRAY for k in value):
        below = f"{path}." if path else ""
        return {key: _pack(item, below + key, arrays, deepest - 1) for key, item in value.items()}
    raise TypeError(
        f"Checkpoint: {path} is a {type(value).__name__}, expected numbers, text, arrays, lists or "
        f"dicts with text as keys other than {ARRAY!r}"
    )


def _check_depth(path: str, deepest: int) -> None:
    if deepest < 0:
        raise ValueError(f"Checkpoint: {path[:80]} is nested more than {DEEPEST} deep")


def _unpack(value: Any, arrays: Mapping[str, Array], deepest: int = DEEPEST) -> Any:
    _check_depth("state", deepest)
    if isinstance(value, list):
        return [_unpack(item, arrays, deepest - 1) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {ARRAY}:
        return arrays[value[ARRAY]]
    return {key: _unpack(item, arrays, deepest - 1) for key, item in value.items()}

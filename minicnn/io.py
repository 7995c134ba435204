"""Saving and loading named arrays as safetensors files, a common format that runs no code."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .autograd import Tensor
from .backend import Array, to_device


def save(
    path: str | os.PathLike[str],
    mapping: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named arrays or Tensors, ``save("lenet.safetensors", model.state_dict())``.

    An existing file is replaced only by a complete one: a crash leaves the old file, or none.
    metadata: strings by name, stored in the same file, for ``load_with_metadata``.
    Raises OSError if the file cannot be written, TypeError for values that are not arrays.

    >>> mc.save("model.safetensors", mc.nn.Linear(2, 3).state_dict())
    >>> mc.load("model.safetensors")["weight"].shape
    (3, 2)
    """
    from safetensors.numpy import save as to_bytes  # imported only when needed

    arrays = {_name(name): _array(name, value) for name, value in mapping.items()}
    write_whole(path, to_bytes(arrays, None if metadata is None else dict(metadata)))


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that replaces an existing one only when it is complete. Raises OSError."""
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.exists() and not target.is_file():
        raise OSError(f"{target} exists and is not a file")
    partial = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    _sync_directory(target.parent)


def load(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read the arrays of a safetensors file, for ``model.load_state_dict(load(path))``.

    Raises OSError if it cannot be read, ValueError if it is not an intact safetensors file.

    >>> mc.save("two.safetensors", {"a": np.ones(2), "b": mc.tensor([1, 2])})
    >>> mc.load("two.safetensors")["b"]
    array([1, 2])
    """
    return load_with_metadata(path)[0]


def load_with_metadata(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file. Errors as in ``load``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    content = Path(path).read_bytes()
    try:
        arrays: dict[str, Array] = from_bytes(content)
    except SafetensorError as error:
        raise ValueError(f"{os.fspath(path)}: not an intact safetensors file ({error})") from error
    except KeyError as error:  # a dtype that does not exist in NumPy
        raise ValueError(f"{os.fspath(path)}: NumPy has no dtype {error}") from error
    # from_bytes has checked the header, but does not return the metadata.
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return arrays, metadata


def _sync_directory(directory: Path) -> None:
    """Write the new name to disk too: otherwise a power failure may bring the old file back."""
    # Windows cannot open a directory, some file systems cannot sync one: then do without it.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _name(name: Any) -> str:
    if not isinstance(name, str) or name == "__metadata__":
        raise TypeError(f"save: name: got {name!r}, expected a string other than '__metadata__'")
    return name


def _array(name: str, value: Any) -> Array:
    array = value.data if isinstance(value, Tensor) else value
    dtype = getattr(array, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise TypeError(
            f"save: {name} is a {dtype or type(value).__name__}, expected an array or a Tensor "
            "of floats, integers or booleans up to 64 bits"
        )
    return np.asarray(to_device(array, "cpu"), order="C")

"""Saving and loading named arrays as safetensors files, which others read too; never pickle."""

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

    The file takes its place only when it is complete: a crash leaves the old one, or none.
    metadata: texts by name that lie in the same file, for ``load_with_metadata``.
    Raises OSError when it cannot be written, TypeError for values that are no arrays.
    """
    from safetensors.numpy import save as to_bytes  # only those who save pay for the import

    arrays = {_name(name): _array(name, value) for name, value in mapping.items()}
    write_whole(path, to_bytes(arrays, None if metadata is None else dict(metadata)))


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that takes its place only when it is complete. Raises OSError."""
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.exists() and not target.is_file():
        raise OSError(f"{target} exists and is no file")
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

    Raises OSError when it cannot be read, ValueError when it is no intact safetensors file.
    """
    return load_with_metadata(path)[0]


def load_with_metadata(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Read the arrays of a safetensors file and the texts beside them. Errors as in ``load``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    content = Path(path).read_bytes()
    try:
        arrays: dict[str, Array] = from_bytes(content)
    except SafetensorError as error:
        raise ValueError(f"{os.fspath(path)}: no intact safetensors file ({error})") from error
    except KeyError as error:  # a dtype that NumPy does not have
        raise ValueError(f"{os.fspath(path)}: NumPy has no dtype {error}") from error
    # from_bytes has checked the header, but keeps the metadata to itself.
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return arrays, metadata


def _sync_directory(directory: Path) -> None:
    """Have the new name on the disk too: else a power failure may bring the old file back."""
    # Windows cannot open a directory, some file systems cannot sync one; the file is whole anyway.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _name(name: Any) -> str:
    if not isinstance(name, str) or name == "__metadata__":
        raise TypeError(f"save: {name!r} cannot name an array, expected another string")
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

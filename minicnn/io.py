"""Saving and loading named arrays as safetensors files, a common format that runs no code."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .autograd import Tensor
from .backend import Array, to_device
from .partial import replacing
from .reading import check_readable

MOST_BYTES = 1 << 31  # of a file: an AlexNet with the state of its optimizer takes 750 MB
MOST_HEADER = 1 << 22  # bytes of names, shapes and metadata


def save(
    path: str | os.PathLike[str],
    mapping: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named arrays or Tensors, ``save("lenet.safetensors", model.state_dict())``.

    An existing file is replaced only by a complete one: a crash leaves the old file, or none.
    metadata: strings by name, stored in the same file, for ``load_with_metadata``.
    Raises OSError, naming the path, if the file cannot be written, TypeError for a mapping or
    values that are not arrays, TypeError or ValueError for an invalid path, and ValueError for more
    than 2 GiB, or 4 MiB of names and metadata.

    >>> mc.save("model.safetensors", mc.nn.Linear(2, 3).state_dict())
    >>> mc.load("model.safetensors")["weight"].shape
    (3, 2)
    """
    save_arrays("save", path, mapping, metadata)


def save_arrays(
    by: str,
    path: str | os.PathLike[str],
    mapping: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """``save`` for other callers: errors begin with ``by``."""
    from safetensors.numpy import save as to_bytes  # imported only when needed

    if isinstance(mapping, str | os.PathLike):
        raise TypeError(f"{by}: mapping: got a path, which comes first: save(path, mapping)")
    check_path(by, path)
    _check_mapping(by, path, mapping)
    _check_metadata(by, metadata)
    arrays = {_name(by, name): _array(by, name, value) for name, value in mapping.items()}
    content = to_bytes(arrays, None if metadata is None else dict(metadata))
    if (length := _header_length(content)) > MOST_HEADER:
        raise ValueError(
            f"{by}: the names and the metadata take {length:,} bytes, expected at most "
            f"{MOST_HEADER:,}"
        )
    if len(content) > MOST_BYTES:  # which load would refuse
        raise ValueError(f"{by}: got {len(content):,} bytes, expected at most {MOST_BYTES:,}")
    write_whole(by, path, content)


def write_whole(by: str, path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that replaces an existing one only when it is complete.

    path: one that ``check_path`` accepts. Raises OSError, which begins with by and names the path.
    """
    with named_errors(by, path, writing=True):
        target = Path(os.path.realpath(path))  # a link stays a link
        _check_target(target, replaced=True)
        with replacing(target) as file:
            file.write(content)


def check_writable(by: str, path: str | os.PathLike[str], replaced: bool = True) -> None:
    """Fail early if the result could not be written. Errors as in ``save``.

    replaced: whether a new file will replace it, or else an existing one be written into.
    """
    check_path(by, path)
    with named_errors(by, path, writing=True):
        target = Path(os.path.realpath(path))
        _check_target(target, replaced)
        if replaced or not target.exists():
            with tempfile.TemporaryFile(dir=target.parent):
                pass
        elif not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _check_target(target: Path, replaced: bool) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if target.is_symlink():  # of a path without links, so that it has no end
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not target.exists():
        return
    if not target.is_file() and (replaced or not target.is_char_device()):
        raise OSError("it exists and is not a file")
    if not replaced:
        return
    if _is_mounted(target):
        raise OSError("a file is mounted there; mount its folder")
    if not _may_replace(target):
        raise PermissionError("it belongs to another user, in a folder with the sticky bit")


def _may_replace(target: Path) -> bool:
    """Whether a folder such as /tmp, where each user owns some files, lets this one go."""
    folder = target.parent.stat()
    if not folder.st_mode & stat.S_ISVTX or not hasattr(os, "geteuid"):
        return True
    return os.geteuid() in (0, folder.st_uid, target.stat().st_uid)


def _is_mounted(target: Path) -> bool:
    """Whether the file is a mount point, as a file that a container shares: none can replace it."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:  # not Linux
        return False
    place = os.fsencode(target)
    for character in b"\\ \t\n":  # the backslash first
        place = place.replace(bytes([character]), b"\\%03o" % character)
    return any(line.split(b" ", 5)[4] == place for line in lines)


def check_path(by: str, path: Any) -> Path:
    """The path. Raises TypeError if it is not a path, ValueError if it cannot name a file."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        got = repr(path) if isinstance(path, int | bytes | None) else f"a {type(path).__name__}"
        raise TypeError(
            f"{by}: path: got {got}, expected a string or a Path, such as 'model.safetensors'"
        )
    text = os.fspath(path)
    try:
        usable = bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise ValueError(f"{by}: path: got {text!r}, expected the path of a file")
    return Path(text)


@contextlib.contextmanager
def named_errors(by: str, path: str | os.PathLike[str], writing: bool = False) -> Iterator[None]:
    """Errors of the system inside name the path that the user gave, and what to write instead.

    Otherwise they would name a temporary file, or only an errno. The class of the error and its
    ``errno`` stay.
    """
    try:
        yield
    except OSError as error:
        named = type(error)(f"{by}: {os.fspath(path)}: {_explain(os.fspath(path), error, writing)}")
        named.errno = error.errno
        raise named from error


def _explain(path: str, error: OSError, writing: bool) -> str:
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        return f"is a folder, expected a file, such as {os.path.join(path, 'NAME')}"
    if path.startswith("~") and not os.path.lexists(folder):
        return f"~ is not expanded, write os.path.expanduser({path!r})"
    if writing and not os.path.lexists(folder) and error.errno == errno.ENOENT:
        return f"there is no folder {folder}; make it first, with mkdir -p or os.makedirs"
    if not writing and not os.path.lexists(path) and error.errno == errno.ENOENT:
        return f"there is no such file in {os.path.abspath(folder)}"
    reason = error.strerror or str(error)
    return f"cannot be {'written' if writing else 'read'} ({reason})"


def load(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read the arrays of a safetensors file, for ``model.load_state_dict(load(path))``.

    Raises OSError, naming the path, if it cannot be read or has more than 2 GiB, ValueError if it
    is not an intact safetensors file, TypeError or ValueError for an invalid path.

    >>> mc.save("two.safetensors", {"a": np.ones(2), "b": mc.tensor([1, 2])})
    >>> mc.load("two.safetensors")["b"]
    array([1, 2])
    """
    return load_with_metadata(path)[0]


def load_with_metadata(
    path: str | os.PathLike[str], by: str = "load"
) -> tuple[dict[str, Array], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file. Errors as in ``load``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    check_path(by, path)
    try:
        with named_errors(by, path):
            length, content = _read_bytes(Path(path))
    except MemoryError as error:
        raise MemoryError(f"{os.fspath(path)}: reading the file") from error
    if length > MOST_HEADER:
        raise ValueError(
            f"{os.fspath(path)}: not an intact safetensors file (a header of {length:,} bytes, "
            f"expected at most {MOST_HEADER:,})"
        )
    try:
        arrays: dict[str, Array] = from_bytes(content)
    except SafetensorError as error:
        raise ValueError(f"{os.fspath(path)}: not an intact safetensors file ({error})") from error
    except KeyError as error:  # a dtype that does not exist in NumPy
        raise ValueError(f"{os.fspath(path)}: NumPy has no dtype {error}") from error
    # from_bytes has checked the header, but does not return the metadata.
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return arrays, metadata


def _read_bytes(path: Path) -> tuple[int, bytes]:
    """The length of the header, and the content, unless the header is too long."""
    size = check_readable(path, MOST_BYTES)
    with path.open("rb") as file:
        length = _header_length(file.read(min(size, 8)))
        file.seek(0)
        return length, file.read(size) if length <= MOST_HEADER else b""


def _header_length(content: bytes) -> int:
    """What the first eight bytes of a safetensors file say."""
    return int.from_bytes(content[:8], "little")


def _check_mapping(by: str, path: str | os.PathLike[str], mapping: Any) -> None:
    if isinstance(mapping, Mapping):
        return
    got = f"{by}: mapping: got a {type(mapping).__name__}, expected named arrays"
    if hasattr(mapping, "parameters") and hasattr(mapping, "state_dict"):
        raise TypeError(f"{got}; write save({os.fspath(path)!r}, model.state_dict())")
    if hasattr(mapping, "state_dict"):
        raise TypeError(
            f"{got}; the callback train.Checkpoint saves the model, the optimizer and the progress "
            "of a training"
        )
    raise TypeError(f"{got}, such as {{'x': array}} or model.state_dict()")


def _check_metadata(by: str, metadata: Any) -> None:
    if metadata is not None and not isinstance(metadata, Mapping):
        kind = type(metadata).__name__
        raise TypeError(f"{by}: metadata: got a {kind}, expected strings by name")
    for name, value in (metadata or {}).items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(
                f"{by}: metadata: {name!r} is {value!r}, expected strings by name: str({value!r})"
            )


def _name(by: str, name: Any) -> str:
    if not isinstance(name, str) or name == "__metadata__":
        raise TypeError(f"{by}: name: got {name!r}, expected a string other than '__metadata__'")
    return name


def _array(by: str, name: str, value: Any) -> Array:
    array = value.data if isinstance(value, Tensor) else value
    dtype = getattr(array, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiub" or dtype.itemsize > 8:
        nested = isinstance(value, Mapping) or hasattr(value, "state_dict")
        hint = "; save each state dict to its own file, or use train.Checkpoint" if nested else ""
        raise TypeError(
            f"{by}: {name} is a {dtype or type(value).__name__}, expected an array or a Tensor "
            f"of floats, integers or booleans up to 64 bits{hint}"
        )
    return np.asarray(to_device(array, "cpu"), order="C")

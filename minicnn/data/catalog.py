"""The data sets known by name: where their files are looked for, and loading them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Literal, overload

from ..checks import check_choice
from ..places import expand_home
from . import idx_files
from .content import check_file
from .dataset import ArrayDataset
from .errors import DataError
from .idx import read_idx
from .known import CATALOG, CatalogEntry
from .labels import is_classes
from .mirrors import fetch

Split = Literal["train", "test"]


NAMES = tuple(CATALOG)
MOST_CLASSES = 100_000  # of IDX files in a directory


@overload
def load(name: str, split: None = None) -> tuple[ArrayDataset, ArrayDataset]: ...


@overload
def load(name: str, split: Split) -> ArrayDataset: ...


def load(name: str, split: Split | None = None) -> ArrayDataset | tuple[ArrayDataset, ArrayDataset]:
    """The split "train" or "test" of a data set, or both as (train, test).

    digits         bundled: 1,442 + 355 images 8x8; a fifth of each class is held out
    mnist          60,000 + 10,000 images 28x28
    fashion-mnist  60,000 + 10,000 images 28x28 of clothes
    cifar10        50,000 + 10,000 images 32x32 in colour, of animals and vehicles

    The files are looked for in $MINICNN_DATA/<name>/, then where this package or Debian's
    dataset-fashion-mnist installs them, then in the user's cache directory, to which they are
    downloaded if they are in none of these. Their content must have its known SHA-256; only for
    files unpacked from CIFAR-10's archive none is known.

    Raises DataError for an unknown name, a damaged file, or a failed download; ValueError for
    another split.

    >>> mc.data.load("digits")
    (<digits train: 1442 images 1x8x8, 10 classes>, <digits test: 355 images 1x8x8, 10 classes>)
    """
    entry = look_up(name)
    splits = _check_split(split)
    directory = _find_directory(name, entry, splits) or download(name)
    return _load_splits(entry, directory, splits, name)


@overload
def load_directory(
    path: str | os.PathLike[str], split: None = None
) -> tuple[ArrayDataset, ArrayDataset]: ...


@overload
def load_directory(path: str | os.PathLike[str], split: Split) -> ArrayDataset: ...


def load_directory(
    path: str | os.PathLike[str], split: Split | None = None
) -> ArrayDataset | tuple[ArrayDataset, ArrayDataset]:
    """Like `load`, from the IDX files of any data set in one directory, without known SHA-256.

    The files have MNIST's names, train-images-idx3-ubyte and so on, with or without .gz. The number
    of classes comes from all label files in the directory.

    Raises DataError for missing or damaged files, and for images and labels that do not match;
    ValueError for another split.

    >>> mc.data.load_directory(mc.data.download("digits"), "test")  # any directory of IDX files
    <bundled test: 355 images 1x8x8, 10 classes>
    """
    directory = Path(path)
    splits = _check_split(split)
    if missing := idx_files.find_missing(directory, splits):
        raise DataError(
            f"{directory}: found no {', '.join(missing)}, expected them with or without .gz"
        )
    label_files = [idx_files.find_file(directory, labels) for _, labels in idx_files.FILES.values()]
    found = [read_idx(file) for file in label_files if file]
    # Labels that are not integers are refused below, where the error names the file.
    classes = 1 + max(int(labels.max()) if labels.dtype.kind in "iu" else 0 for labels in found)
    if classes > MOST_CLASSES:
        raise DataError(
            f"{directory}: found the label {classes - 1}, expected fewer than {MOST_CLASSES:,}"
        )
    return _load_splits(CatalogEntry(classes, {}), directory, splits, directory.name)


def locate(name: str) -> Path | None:
    """The directory that `load(name)` would read, or None if it would have to download.

    Raises DataError for an unknown name.

    >>> mc.data.locate("digits").name
    'bundled'
    """
    return _find_directory(name, look_up(name), _check_split(None))


def download(name: str) -> Path:
    """Download a data set into the user's cache directory, and return that directory.

    Files that are already there and intact are kept, damaged ones are replaced. The bundled digits
    are not downloaded: this returns the directory in which they are installed.

    Mirrors are asked in turn. What one sends is limited in bytes and in time, and is compared with
    the known SHA-256 while it arrives; only therefore may a mirror be one without encryption.

    Raises DataError for an unknown name, and, with a reason per mirror, for a file that no mirror
    delivers.

    >>> sorted(path.name for path in mc.data.download("digits").glob("t10k*"))
    ['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz']
    """
    entry = look_up(name)
    if not entry.mirrors and entry.installed is not None:
        return entry.installed
    directory = cache_directory() / name
    mirrors = list(entry.mirrors)
    try:
        for file, known in entry.files.items():
            if not _is_intact(entry, directory, file):
                remote = entry.format.download_name(file)
                good = fetch(remote, mirrors, directory, partial(entry.format.new_check, known))
                mirrors.sort(key=lambda mirror: mirror != good)  # try it first for the next file
    except DataError as error:
        raise DataError(f"{name}: {error}. {_manual_advice(name, entry, directory)}") from error
    return directory


def cache_directory() -> Path:
    """Where downloads are kept: the operating system's cache directory of this user, /minicnn.

    Raises DataError if this user has no home folder, as in a container with an arbitrary user id.

    >>> mc.data.cache_directory().name
    'minicnn'
    """
    import pooch  # it is slow to import

    try:
        return Path(pooch.os_cache("minicnn"))
    except RuntimeError as error:
        raise DataError(
            "there is no home folder to keep downloads in; name one in XDG_CACHE_HOME, or put the "
            "files where MINICNN_DATA says"
        ) from error


def look_up(name: str) -> CatalogEntry:
    """What is known of a data set before it is read. Raises DataError for an unknown name."""
    try:
        return CATALOG[check_choice("name", name, CATALOG)]
    except ValueError as error:
        from difflib import get_close_matches

        close = get_close_matches(name.lower(), NAMES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise DataError(f"{error}{hint}") from None


def _check_split(split: str | None) -> tuple[str, ...]:
    """The splits to load; None stands for both."""
    both = tuple(idx_files.FILES)
    return both if split is None else (check_choice("split", split, both),)


def _find_directory(name: str, entry: CatalogEntry, splits: tuple[str, ...]) -> Path | None:
    """The first directory that has all files of the splits."""
    for directory in _candidate_directories(name, entry):
        if not entry.format.find_missing(directory, splits):
            return directory
    return None


def _candidate_directories(name: str, entry: CatalogEntry) -> Iterator[Path]:
    if chosen := os.environ.get("MINICNN_DATA"):
        if expanded := expand_home(chosen):
            yield expanded / name
        else:
            _tell_once(f"minicnn: MINICNN_DATA={chosen}: there is no such home folder")
    if entry.installed is not None:
        yield entry.installed
    with contextlib.suppress(DataError):
        yield cache_directory() / name


@cache
def _tell_once(line: str) -> None:
    print(line, file=sys.stderr)


def _is_intact(entry: CatalogEntry, directory: Path, file: str) -> bool:
    path = entry.format.find_file(directory, file)
    try:
        if path is not None:
            check_file(path, entry.format.new_check(entry.files[file]))
    except DataError:
        return False
    return path is not None


def _load_splits(
    entry: CatalogEntry, directory: Path, splits: tuple[str, ...], name: str
) -> ArrayDataset | tuple[ArrayDataset, ArrayDataset]:
    """The one split, or both."""
    loaded = [_load_split(entry, directory, split, name) for split in splits]
    return loaded[0] if len(loaded) == 1 else (loaded[0], loaded[1])


def _load_split(entry: CatalogEntry, directory: Path, split: str, name: str) -> ArrayDataset:
    images, labels, paths = entry.format.read_split(directory, split, entry.files)
    try:
        if not is_classes(labels):
            got = f"{labels.dtype} of shape {labels.shape}"
            raise TypeError(f"labels: got {got}, expected integers (N,)")
        return ArrayDataset(images, labels, f"{name} {split}", entry.classes)
    except (TypeError, ValueError) as error:
        raise DataError(f"{paths}: {error}") from error


def _manual_advice(name: str, entry: CatalogEntry, directory: Path) -> str:
    files = ", ".join(map(entry.format.download_name, entry.files))
    return (
        f"By hand: put {files} into {directory}, or into DIR/{name} and set the environment "
        "variable MINICNN_DATA to DIR; or use the data set 'digits', which needs no download"
    )

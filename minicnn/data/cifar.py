"""CIFAR-10's binary version, read from its archive or from the files unpacked from it.

This module and `idx_files` have the same functions; `known.FileFormat` lists them.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..reading import check_readable
from .content import ContentCheck, KnownFile, check_file
from .errors import DataError

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"  # in the archive
FILES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
RECORDS = 10_000  # per file
SHAPE = (3, 32, 32)
ADVICE = "Replace it with the original file, or delete it and get the data set again"
new_check = ContentCheck


def download_name(file: str) -> str:
    """The name of the file on the mirrors."""
    return file


def find_file(directory: Path, file: str) -> Path | None:
    """The path of a file in the directory, be it the archive or one unpacked from it."""
    paths = (directory / file, directory / FOLDER / file)
    return next((path for path in paths if os.path.isfile(path)), None)


def find_missing(directory: Path, splits: Sequence[str]) -> list[str]:
    """The files of these splits that the directory lacks: none if it has the archive."""
    if find_file(directory, ARCHIVE):
        return []
    files = [file for split in splits for file in FILES[split]]
    return [file for file in files if find_file(directory, file) is None]


def read_split(
    directory: Path, split: str, files: Mapping[str, KnownFile]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    """Images (N, 3, 32, 32), labels (N,), and the path they were read from, for messages.

    A file holds 10,000 records, each of 1 byte for the label and 3072 for the pixels: 32 rows of
    red, then green, then blue. An archive must have the SHA-256 in `files`; for unpacked files none
    is published, so only their length and labels are checked.

    Raises DataError, naming the path, for files that are missing, unreadable or in another format.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and
    https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    archive = find_file(directory, ARCHIVE)
    if archive is None:
        contents = _read_files(directory, FILES[split])
    else:
        contents = _read_archive(archive, FILES[split], files[ARCHIVE])
    images = np.empty((len(FILES[split]), RECORDS, *SHAPE), np.uint8)
    labels = np.empty((len(FILES[split]), RECORDS), np.uint8)
    for name, content in contents:
        number = FILES[split].index(Path(name).name)
        labels[number], images[number] = _decode(name, content)
    return images.reshape(-1, *SHAPE), labels.ravel(), str(archive or directory)


def _decode(name: str, content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pixels = SHAPE[0] * SHAPE[1] * SHAPE[2]
    size = RECORDS * (1 + pixels)
    if len(content) != size:
        expected = f"expected {RECORDS} records of 1+{pixels} = {size}"
        found = "more" if len(content) > size else len(content)
        raise DataError(f"{name}: found {found} bytes, {expected}. {ADVICE}")
    records = np.frombuffer(content, np.uint8).reshape(RECORDS, 1 + pixels)
    if records[:, 0].max() > 9:
        raise DataError(f"{name}: found the label {records[:, 0].max()}, expected 0..9. {ADVICE}")
    return records[:, 0], records[:, 1:].reshape(RECORDS, *SHAPE)


def _read_files(directory: Path, files: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        path = find_file(directory, file) or directory / file
        try:
            size = check_readable(path)
            with path.open("rb") as stream:
                yield str(path), stream.read(min(size, _read_limit()))
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _read_archive(
    archive: Path, files: Sequence[str], known: KnownFile
) -> Iterator[tuple[str, bytes]]:
    try:
        check_file(archive, new_check(known))
    except DataError as error:
        raise DataError(f"{archive}: {error}. {ADVICE}") from error
    wanted = set(files)
    try:
        # "r|gz" reads the archive once, front to back: seeking would decompress it again.
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                stream = members.extractfile(member) if Path(member.name).name in wanted else None
                if stream:
                    wanted.remove(Path(member.name).name)
                    yield f"{archive}/{member.name}", stream.read(_read_limit())
                if not wanted:
                    break
    except (tarfile.TarError, EOFError, zlib.error, OSError, TypeError) as error:
        # TypeError is what tarfile raises where the header of gzip is cut off.
        raise DataError(f"{archive}: found a damaged archive ({error}). {ADVICE}") from error
    if wanted:
        raise DataError(f"{archive}: found no {', '.join(sorted(wanted))} in it. {ADVICE}")


def _read_limit() -> int:
    """One byte more than a file should have, to notice trailing bytes."""
    return RECORDS * (1 + SHAPE[0] * SHAPE[1] * SHAPE[2]) + 1

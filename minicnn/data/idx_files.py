"""A data set in four IDX files with MNIST's names; the format itself is in `idx`.

This module and `cifar` have the same functions; `known.FileFormat` lists them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .content import IdxContentCheck, KnownFile
from .idx import read_idx

FILES = {  # split: (images, labels), with MNIST's names
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
new_check = IdxContentCheck


def download_name(file: str) -> str:
    """The name of the file on the mirrors."""
    return f"{file}.gz"


def find_file(directory: Path, file: str) -> Path | None:
    """The path of the file in the directory, compressed or not."""
    # The compressed file first, because that is what `download` replaces. Some sites unpack the
    # files to names with a dot, train-images.idx3-ubyte.
    for name in (file, file.replace("-idx", ".idx")):
        for path in (directory / f"{name}.gz", directory / name):
            if os.path.isfile(path):  # False, too, in a folder of somebody else
                return path
    return None


def find_missing(directory: Path, splits: Sequence[str]) -> list[str]:
    """The files of these splits that the directory lacks."""
    files = [file for split in splits for file in FILES[split]]
    return [file for file in files if find_file(directory, file) is None]


def read_split(
    directory: Path, split: str, files: Mapping[str, KnownFile]
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Images, labels, and the paths they were read from, for messages. Raises DataError."""
    images, labels = (find_file(directory, file) or directory / file for file in FILES[split])
    sums = [files[file].sha256 if file in files else None for file in FILES[split]]
    both = f"{images} and {labels}"
    return read_idx(images, sums[0]), read_idx(labels, sums[1]), both

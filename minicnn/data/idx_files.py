"""A data set in MNIST's four IDX files; the format itself is in `idx`, CIFAR-10's in `cifar`.

This module and `cifar` have the same functions, and the catalog works with either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .idx import decode_idx, read_idx

FILES = {  # split: (images, labels), the names that MNIST gave them
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
check = decode_idx


def download_name(file: str) -> str:
    """What mirrors call the file."""
    return f"{file}.gz"


def find(directory: Path, file: str) -> Path | None:
    """Where the directory has the file, compressed or not."""
    # The compressed file first, because that is what `download` replaces. And some sites unpack the
    # archives to names with a dot, train-images.idx3-ubyte.
    for name in (file, file.replace("-idx", ".idx")):
        for path in (directory / f"{name}.gz", directory / name):
            if path.is_file():
                return path
    return None


def missing(directory: Path, splits: Sequence[str]) -> list[str]:
    """The files of these splits that the directory lacks."""
    files = [file for split in splits for file in FILES[split]]
    return [file for file in files if find(directory, file) is None]


def read(
    directory: Path, split: str, sums: Mapping[str, str]
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Images, labels, and the paths they are from. Raises DataError."""
    images, labels = (find(directory, file) or directory / file for file in FILES[split])
    sum_images, sum_labels = (sums.get(file) for file in FILES[split])
    both = f"{images} and {labels}"
    return read_idx(images, sum_images), read_idx(labels, sum_labels), both

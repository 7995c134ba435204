"""Pictures in one folder for each class, decoded by threads ahead of the training loop."""

from __future__ import annotations

import copy
import operator
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.layout import as_nchw
from ..checks import check_pair
from .dataset import to_float32
from .errors import DataError
from .pictures import SUFFIXES, need_pillow, read_picture

AHEAD = 1  # batches that are decoded, or being decoded, while the caller has another


class ImageFolder:
    """The pictures in path/<class>/, read from the disk whenever they are asked for.

    path      holds one folder for each class; its pictures (png, jpg, jpeg, bmp, gif, webp) may be
              in folders of its own. Names that begin with a dot do not count.
    size      H or (H, W): a picture is cut around the centre to these proportions, then scaled to
              this size; for H, that is the shorter side scaled to H, the middle of the longer one.
              Without it pictures stay as they are, but those in one batch have to be of one size.
    channels  3 for red, green, blue; 1 for grey
    workers   threads that decode; without it as many as there are processors

    `dataset[i]` is (image (C, H, W) float32 in 0..1, label int); the label is the place of the
    class in `classes`, the sorted names. `paths` and `labels` (N,) int64 list what there is.
    `batches` decodes ahead with all workers. How pictures become pixels: `minicnn.data.pictures`.

    Raises DataError without Pillow (``pip install Pillow``), for a path that is no
    folder or has none, a class without pictures, and, when read, for a file that is no picture;
    ValueError for other arguments; IndexError for an index outside the data set.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int | tuple[int, int] | None = None,
        channels: int = 3,
        workers: int | None = None,
    ) -> None:
        if channels not in (1, 3):
            raise ValueError(f"ImageFolder: channels {channels!r}, expected 1 or 3")
        if workers is not None and (type(workers) is not int or workers < 1):
            raise ValueError(f"ImageFolder: workers {workers!r}, expected an integer of 1 or more")
        need_pillow()
        self.path = Path(path)
        self.size = None if size is None else check_pair("ImageFolder: size", size)
        self.channels = channels
        self.workers = workers or os.cpu_count() or 1
        folders = _class_folders(self.path)
        found = [_pictures(folder) for folder in folders]
        self.classes = tuple(folder.name for folder in folders)
        self.num_classes = len(folders)
        self.paths = tuple(file for files in found for file in files)
        self.labels = np.repeat(np.arange(len(found)), [len(files) for files in found])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int, /) -> tuple[NDArray[np.float32], int]:
        number = self._checked(index)
        return to_float32(self._pixels(number)), int(self.labels[number])

    def subset(self, index: slice | Sequence[int] | NDArray[Any]) -> ImageFolder:
        """The chosen pictures, still undecoded, as a data set of their own with the same classes.

        Raises IndexError for a picture outside the data set.
        """
        chosen = np.arange(len(self))[index]
        part = copy.copy(self)
        part.paths, part.labels = tuple(self.paths[i] for i in chosen), self.labels[chosen]
        return part

    def batches(
        self, chosen: Iterable[Sequence[int] | NDArray[np.integer]]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """For each sequence of indices its images (K, C, H, W), batch-last, and labels (K,).

        While the caller has one batch, the workers decode the next, and no more than that: memory
        holds one batch of bytes beside the one handed out, however many there are. Errors come with
        the batch that has them.

        Raises DataError as `dataset[i]`, and for pictures of different sizes in one batch.
        """
        waiting: deque[tuple[list[int], list[Future[NDArray[np.uint8]]]]] = deque()
        pool = ThreadPoolExecutor(self.workers, "ImageFolder")
        try:
            for indices in chosen:
                rows = [self._checked(index) for index in indices]
                waiting.append((rows, [pool.submit(self._pixels, row) for row in rows]))
                if len(waiting) > AHEAD:
                    yield self._assembled(*waiting.popleft())
            while waiting:
                yield self._assembled(*waiting.popleft())
        finally:
            # Also reached when the caller leaves early: what has not begun is not worth doing.
            pool.shutdown(cancel_futures=True)

    def __repr__(self) -> str:
        shape = f"{self.channels}x{'x'.join(map(str, self.size)) if self.size else 'HxW'}"
        return f"<{self.path.name}: {len(self)} images {shape}, {self.num_classes} classes>"

    def _checked(self, index: int) -> int:
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"index: got {number}, but {self!r} has {len(self)} images")
        return number

    def _pixels(self, number: int) -> NDArray[np.uint8]:
        return read_picture(self.paths[number], self.size, self.channels)

    def _assembled(
        self, rows: list[int], futures: list[Future[NDArray[np.uint8]]]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        pictures = [future.result() for future in futures]
        shape = pictures[0].shape
        for row, picture in zip(rows, pictures, strict=True):
            if picture.shape != shape:
                raise DataError(
                    f"{self.paths[row]}: is {picture.shape}, but {self.paths[rows[0]]} in the same "
                    f"batch is {shape}; give ImageFolder a size"
                )
        pixels = np.stack(pictures).reshape(len(rows), -1)  # (K, C*H*W)
        images = to_float32(pixels.T).reshape(*shape, len(rows))  # (C, H, W, K)
        return as_nchw(images), self.labels[rows]


def _class_folders(path: Path) -> list[Path]:
    """The folders in the path, by name."""
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise DataError(f"{path}: found {found} there, expected a folder with one for each class")
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    folders = [entry for entry in inside if entry.is_dir() and not entry.name.startswith(".")]
    if not folders:
        loose = sum(entry.suffix.lower() in SUFFIXES for entry in inside)
        raise DataError(
            f"{path}: found no folder in it ({loose} pictures beside each other), expected one "
            "for each class"
        )
    return folders


def _pictures(folder: Path) -> list[Path]:
    """The pictures in the folder and in those below it, by path."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from error

    files = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        seen = [name for name in names if not name.startswith(".")]
        files += [Path(place, name) for name in seen if name.lower().endswith(SUFFIXES)]
    if not files:
        raise DataError(f"{folder}: found no picture in it, expected {', '.join(SUFFIXES)}")
    return sorted(files)

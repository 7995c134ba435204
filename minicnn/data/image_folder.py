"""Pictures in one folder per class, decoded by threads ahead of the training loop."""

from __future__ import annotations

import copy
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.layout import as_nchw
from ..checks import IntOrPair, Pair, check_integer, check_pair
from .dataset import ArrayDataset, Batch, Indices, check_index, to_float32
from .errors import DataError
from .picture_file import check_pillow
from .pictures import SUFFIXES, check_channels, look_at, read_picture

BATCHES_AHEAD = 1  # decoded, or being decoded, while the caller works on another batch


class ImageFolder:
    """The pictures in path/<class>/, read from disk each time they are used.

    path      holds one folder per class; the pictures in it (png, jpg, jpeg, bmp, gif, webp, tif,
              tiff) may be in subfolders. Names that begin with a dot are ignored.
    size      H or (H, W): pictures are cropped around the centre to this aspect ratio, then scaled.
              By default they keep their size, which must then be the same within a batch.
    channels  3 for red, green, blue; 1 for grey
    workers   number of threads that decode; by default one per processor

    `dataset[i]` is (image (C, H, W) float32 in 0..1, label int); the label is the position of the
    class in `classes`, the sorted names: in the order of numbers if all are numbers, 1, 2, 10.
    `paths` and `labels` (N,) int64 list all pictures. `batches` decodes ahead with all workers.
    ``data.read_image`` tells how files are read. All workers together decode no more pixels at a
    time than one picture may have, so that memory does not grow with their number.

    Raises DataError without Pillow (``pip install Pillow``), for a path that is not a folder or has
    no folders, a class without pictures, and, when read, for a file that is not a picture;
    MemoryError if there is none for a picture or a worker; TypeError or ValueError for other
    arguments; IndexError for an index outside the data set.

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> for name in "cat", "dog":
    ...     Path("pets", name).mkdir(parents=True)
    ...     Image.new("RGB", (40, 30), "white").save(f"pets/{name}/1.png")
    >>> mc.data.ImageFolder("pets", size=32)
    <pets: 2 images 3x32x32, 2 classes>
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: IntOrPair | None = None,
        channels: int = 3,
        workers: int | None = None,
    ) -> None:
        self.size = None if size is None else check_pair("ImageFolder: size", size)
        self.channels = check_channels("ImageFolder: channels", channels)
        workers = (os.cpu_count() or 1) if workers is None else workers
        self.workers = check_integer("ImageFolder: workers", workers, least=1)
        check_pillow()
        self.path = Path(path)
        folders = _find_class_folders(self.path)
        found = [_find_pictures(folder) for folder in folders]
        self.classes = tuple(folder.name for folder in folders)
        self.num_classes = len(folders)
        self.paths = tuple(file for files in found for file in files)
        self.labels = np.repeat(np.arange(len(found)), [len(files) for files in found])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int, /) -> tuple[NDArray[np.float32], int]:
        number = check_index(self, index)
        return to_float32(self._read_pixels(number)), int(self.labels[number])

    def subset(self, index: Indices) -> ImageFolder:
        """The chosen pictures, not yet decoded, as a data set with the same classes.

        Raises IndexError for a picture outside the data set.
        """
        chosen = np.arange(len(self))[index]
        part = copy.copy(self)
        part.paths, part.labels = tuple(self.paths[i] for i in chosen), self.labels[chosen]
        return part

    def in_memory(self) -> ArrayDataset:
        """All pictures, decoded now by all workers, as a data set of bytes; they need one size.

        Raises DataError like ``batches``.
        """
        with _Workers(self.workers, "ImageFolder") as pool:
            futures = [pool.submit(self._read_pixels, number) for number in range(len(self))]
            try:
                pixels = self._stack([*range(len(self))], futures)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return ArrayDataset(pixels, self.labels, self.path.name, self.classes)

    def typical_picture(self) -> tuple[Pair, int]:
        """The median height and width, and the channels: 1 if all pictures are grey, otherwise 3.

        Only the headers of the files are read. Raises DataError for one that cannot be read.
        """
        with _Workers(self.workers, "ImageFolder") as pool:
            seen = list(pool.map(look_at, self.paths))
        height, width = np.median([size for size, _ in seen], axis=0)
        return (int(height), int(width)), 1 if all(grey for _, grey in seen) else 3

    def batches(self, chosen: Iterable[Sequence[int] | NDArray[np.integer]]) -> Iterator[Batch]:
        """For each sequence of indices its images (K, C, H, W), batch-last, and labels (K,).

        While the caller has one batch, the workers decode the next but no more, so that memory
        holds only one more batch of bytes. An error is raised when its batch is due.

        Raises DataError like `dataset[i]`, and for pictures of different sizes in one batch.
        """
        waiting: deque[tuple[list[int], list[Future[NDArray[np.uint8]]]]] = deque()
        pool = _Workers(self.workers, "ImageFolder")
        try:
            for indices in chosen:
                rows = [check_index(self, index) for index in indices]
                waiting.append((rows, [pool.submit(self._read_pixels, row) for row in rows]))
                if len(waiting) > BATCHES_AHEAD:
                    yield self._batch(*waiting.popleft())
            while waiting:
                yield self._batch(*waiting.popleft())
        finally:
            # Also reached if the caller stops early: skip what has not started.
            pool.shutdown(cancel_futures=True)

    def __repr__(self) -> str:
        shape = f"{self.channels}x{'x'.join(map(str, self.size)) if self.size else 'HxW'}"
        return f"<{self.path.name}: {len(self)} images {shape}, {self.num_classes} classes>"

    def _read_pixels(self, number: int) -> NDArray[np.uint8]:
        return read_picture(self.paths[number], self.size, self.channels)

    def _batch(self, rows: list[int], futures: list[Future[NDArray[np.uint8]]]) -> Batch:
        pixels = self._stack(rows, futures)
        shape = pixels.shape[1:]
        images = to_float32(pixels.reshape(len(rows), -1).T)  # (C*H*W, K)
        return as_nchw(images.reshape(*shape, len(rows))), self.labels[rows]

    def _stack(
        self, rows: list[int], futures: list[Future[NDArray[np.uint8]]]
    ) -> NDArray[np.uint8]:
        pictures = [future.result() for future in futures]
        shape = pictures[0].shape
        for row, picture in zip(rows, pictures, strict=True):
            if picture.shape != shape:
                raise DataError(
                    f"{self.paths[row]}: is {picture.shape}, but {self.paths[rows[0]]} in the same "
                    f"batch is {shape}; give ImageFolder a size"
                )
        return np.stack(pictures)  # (K, C, H, W)


class _Workers(ThreadPoolExecutor):
    """Threads, whose number the system may limit."""

    def submit(self, *call: Any, **options: Any) -> Future[Any]:
        try:
            return super().submit(*call, **options)
        except RuntimeError as error:
            raise MemoryError(f"ImageFolder: {error}, fewer workers need less") from error


PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
"""The folders that the parts of a data set may be in."""


def find_parts(path: Path) -> dict[str, Path]:
    """The folders of the parts, "train", "validation" and "test", as far as path holds them.

    A folder that only holds one folder per class is {"train": path}. Raises DataError for a folder
    with two names of one part, and for one with a test or validation, but nothing to train on.
    """
    found = {}
    for part, names in PARTS.items():
        there = [name for name in names if (path / name).is_dir()]
        if len(there) > 1:
            raise DataError(f"{path}: has the folders {' and '.join(there)}, expected one of them")
        if there:
            found[part] = path / there[0]
    if found and "train" not in found:
        raise DataError(f"{path}: has {', '.join(p.name for p in found.values())}, but no train")
    return found or {"train": path}


def _find_class_folders(path: Path) -> list[Path]:
    """The folders in the path, sorted by name, or by number if all names are numbers."""
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise DataError(f"{path}: found {found} there, expected a folder with one folder per class")
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    folders = [entry for entry in inside if entry.is_dir() and not entry.name.startswith(".")]
    if not folders:
        loose = sum(entry.suffix.lower() in SUFFIXES for entry in inside)
        raise DataError(
            f"{path}: found 0 folders and {loose} pictures in it, expected one folder per class"
        )
    if all(folder.name.isdecimal() for folder in folders):
        folders.sort(key=lambda folder: int(folder.name))
    return folders


def _find_pictures(folder: Path) -> list[Path]:
    """The pictures in the folder and its subfolders, sorted by path."""

    def fail(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from error

    files = []
    for directory, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = [name for name in names if not name.startswith(".")]
        files += [Path(directory, name) for name in visible if name.lower().endswith(SUFFIXES)]
    if not files:
        raise DataError(f"{folder}: found no pictures in it, expected {', '.join(SUFFIXES)}")
    return sorted(files)

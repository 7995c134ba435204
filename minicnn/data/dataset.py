"""Images and labels in memory, and splitting them at random; batches are made in `loader`."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backend import Array, array_module, device_of, to_device
from ..backend.layout import as_nchw
from ..backend.random import generator
from ..checks import check_integer, check_number, is_integer

Indices = slice | Sequence[int] | NDArray[Any]
"""Several items of a data set: a slice, integers, or a mask of booleans."""
Batch = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Images (K, C, H, W), batch-last in memory, and labels (K,)."""


class Dataset(Protocol):
    """What a DataLoader can read: a length, and an (image, label) pair for each index below it.

    An image is (H, W) or (C, H, W), uint8 (read as x / 255) or float; a label is an integer.

    >>> class Greys:
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return np.full((8, 8), index / 4), index % 2
    >>> images, labels = next(iter(mc.data.DataLoader(Greys(), batch_size=4)))
    >>> images.shape, labels.numpy()
    ((4, 1, 8, 8), array([0, 1, 0, 1]))
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, SupportsIndex]: ...


class Splittable(Protocol):
    """What can be split at random: an ArrayDataset, an ImageFolder."""

    def __len__(self) -> int: ...

    def subset(self: Parts, index: NDArray[np.int64], /) -> Parts: ...


Parts = TypeVar("Parts", bound=Splittable)


class ArrayDataset:
    """Labelled images held in two arrays.

    images   (N, H, W) or (N, C, H, W); uint8 0..255, read as x / 255, or floats, read as they are
    labels   (N,) integers of 0 or more
    name     shown in messages
    classes  the names of the classes, or their number; by default 1 + the largest label

    Reading gives float32: `dataset[i]` is (image (C, H, W), label), and a slice, a list of indices
    or a mask gives (images (K, C, H, W) batch-last in memory, labels (K,) int64), always as new
    arrays. Images in C order are not copied, so do not write into them. After ``to(device)`` the
    images, but not the labels, are on that device, and so are the images read.

    Raises TypeError for the wrong type of array, ValueError for shapes, lengths and labels that
    do not fit, and IndexError for an index outside the data set.

    >>> dataset = mc.data.ArrayDataset(np.zeros((3, 8, 8), np.uint8), [0, 2, 1], name="blank")
    >>> dataset
    <blank: 3 images 1x8x8, 3 classes>
    >>> images, labels = dataset[:2]
    >>> images.shape, images.dtype, labels
    ((2, 1, 8, 8), dtype('float32'), array([0, 2]))
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        name: str = "data set",
        classes: Sequence[str] | int | None = None,
    ) -> None:
        self.name = name
        self.images = _check_images(images)  # (N, C, H, W)
        self.labels = _check_labels(labels, len(self.images))  # (N,)
        self.classes, self.num_classes = _check_classes(classes, int(self.labels.max()))
        self._rows = self.images.reshape(len(self.images), -1)  # (N, C*H*W)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def subset(self, index: Indices) -> ArrayDataset:
        """The chosen images as a data set with the same classes."""
        chosen = _check_indices(index)
        classes = self.classes or self.num_classes
        return ArrayDataset(self.images[chosen], self.labels[chosen], self.name, classes)

    def to(self, device: str) -> ArrayDataset:
        """The same data set with its images on a device; the labels stay on the CPU.

        Raises DeviceError for a device that cannot be used, MemoryError when it is full.
        """
        moved = copy.copy(self)
        moved._rows = to_device(self._rows, device)
        moved.images = moved._rows.reshape(self.images.shape)
        return moved

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, index: int, /) -> tuple[NDArray[np.float32], int]: ...

    @overload
    def __getitem__(self, index: Indices, /) -> Batch: ...

    def __getitem__(
        self, index: int | Indices, /
    ) -> tuple[NDArray[np.float32], int | NDArray[np.int64]]:
        if is_integer(index):
            number = check_index(self, index)
            return to_float32(self.images[number]), int(self.labels[number])
        chosen = _check_indices(index)
        rows = chosen if isinstance(chosen, slice) else to_device(chosen, device_of(self._rows))
        return self.batch(rows), self.labels[chosen].copy()

    def batch(self, rows: slice | Array) -> Array:
        """The images of these rows, a slice or an array of integers on their device, unchecked."""
        # Gather the bytes and convert while transposing: that moves a quarter of the memory.
        pixels = to_float32(self._rows[rows].T)  # (C*H*W, K)
        return as_nchw(pixels.reshape(*self.image_shape, -1))

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.image_shape)
        return f"<{self.name}: {len(self)} images {shape}, {self.num_classes} classes>"


def random_split(
    dataset: Parts, lengths: Sequence[int] | Sequence[float], seed: int | None = None
) -> list[Parts]:
    """Split a data set at random into parts that do not overlap, with its method ``subset``.

    `lengths` are integers that sum to len(dataset), or fractions that sum to 1: then each part has
    floor(len * fraction) images, and the rest goes one by one to the first parts, as in PyTorch.
    The same seed gives the same parts; without a seed the global generator draws (`manual_seed`).

    Raises TypeError for lengths that are not numbers, ValueError if they sum to something else or
    leave a part empty.

    >>> digits = mc.data.load("digits", "train")
    >>> mc.data.random_split(digits, [0.9, 0.1], seed=0)
    [<digits train: 1298 images 1x8x8, 10 classes>, <digits train: 144 images 1x8x8, 10 classes>]
    """
    counts = _part_sizes(lengths, len(dataset))
    if not counts or min(counts) < 1:
        raise ValueError(
            f"lengths: got {list(lengths)}, which leaves a part of {len(dataset)} images empty"
        )
    order = generator(seed).permutation(len(dataset))
    ends = np.cumsum(counts)[:-1]
    return [dataset.subset(part) for part in np.split(order, ends)]


def to_float32(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """A new C-ordered float32 array of the pixels: uint8 as x / 255, floats as they are."""
    xp = array_module(pixels)
    result = xp.empty(pixels.shape, np.float32)
    if pixels.dtype == np.uint8:
        # dtype: without it NumPy 1 divides bytes by a scalar in half precision.
        xp.divide(pixels, np.float32(255), out=result, dtype=np.float32)
    else:
        result[...] = pixels
    return result


def check_index(dataset: Dataset, index: Any) -> int:
    """The index as an int. Raises TypeError, and IndexError for one outside the data set."""
    number = check_integer("index", index)
    if not -len(dataset) <= number < len(dataset):
        raise IndexError(f"index: got {number}, but {dataset!r} has {len(dataset)} images")
    return number


def _check_indices(index: int | Indices) -> slice | NDArray[Any]:
    if isinstance(index, slice):
        return index
    chosen = np.asarray(index)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iub":
        raise TypeError(
            f"index: got {chosen.dtype} of shape {chosen.shape}, expected an integer, a slice, "
            "or one axis of integers or booleans"
        )
    return chosen


def _part_sizes(lengths: Sequence[int] | Sequence[float], total: int) -> list[int]:
    numbers = [
        float(length) if is_integer(length) else check_number(f"lengths[{i}]", length)
        for i, length in enumerate(lengths)
    ]
    if sum(numbers) == total and all(number.is_integer() for number in numbers):
        return [int(number) for number in numbers]
    if not math.isclose(sum(numbers), 1) or min(numbers) < 0:
        raise ValueError(
            f"lengths: got {list(lengths)}, which sum to {sum(lengths)}; expected integers that "
            f"sum to {total}, or fractions that sum to 1"
        )
    counts = [math.floor(total * fraction) for fraction in numbers]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    return counts


def _check_images(images: ArrayLike) -> NDArray[Any]:
    array = np.asarray(images)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise TypeError(f"images: got {array.dtype}, expected uint8 (0..255) or a float type")
    if array.ndim not in (3, 4):
        raise ValueError(f"images: got shape {array.shape}, expected (N, H, W) or (N, C, H, W)")
    if array.size == 0:
        raise ValueError(f"images: got shape {array.shape}, expected at least one pixel")
    if array.ndim == 3:
        array = array[:, None]  # (N, 1, H, W)
    return np.ascontiguousarray(array)


def _check_labels(labels: ArrayLike, count: int) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels: got {array.dtype}, expected integers")
    if array.shape != (count,):
        raise ValueError(f"labels: got shape {array.shape}, expected ({count},), one per image")
    if array.min() < 0:
        raise ValueError(f"labels: got {array.min()}, expected integers of 0 or more")
    return array.astype(np.int64)


def _check_classes(
    classes: Sequence[str] | int | None, largest: int
) -> tuple[tuple[str, ...] | None, int]:
    """The names of the classes, if there are any, and their number."""
    if classes is None:
        return None, largest + 1
    is_integer_array = is_integer(classes)  # without axes: it has an __iter__ all the same
    names = tuple(classes) if isinstance(classes, Iterable) and not is_integer_array else None
    count = check_integer("classes", classes) if names is None else len(names)
    if count <= largest:
        raise ValueError(f"classes: got {count}, but the largest label is {largest}")
    return names, count

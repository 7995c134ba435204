"""Images and labels in memory, and how to cut them in parts; batches are made in `loader`."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backend import Array, array_module, device_of, to_device
from ..backend.layout import as_nchw
from ..backend.random import generator


class Dataset(Protocol):
    """What a DataLoader can read: a length, and an (image, label) pair for each index below it."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...


Divisible = TypeVar("Divisible", bound="HasParts")


class HasParts(Protocol):
    """What can be split: an ArrayDataset, an ImageFolder."""

    def __len__(self) -> int: ...

    def subset(self: Divisible, index: Any, /) -> Divisible: ...


class ArrayDataset:
    """Labelled images held in two arrays.

    images   (N, H, W) or (N, C, H, W); uint8 0..255, read as x / 255, or floats, read as they are
    labels   (N,) integers of 0 or more
    name     shown in messages
    classes  the names of the classes, or how many there are; without it 1 + the largest label

    Reading gives float32: `dataset[i]` is (image (C, H, W), label), and a slice, a list of indices
    or a mask gives (images (K, C, H, W) batch-last in memory, labels (K,) int64), always fresh
    arrays. The images given are not copied when they lie in C order, so do not write into them.
    After ``to(device)`` the images, not the labels, lie on that device and so do those read.

    Raises TypeError for the wrong kind of array, ValueError for shapes, lengths and labels that
    do not fit, and IndexError for an index outside the data set.
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        name: str = "data set",
        classes: Sequence[str] | int | None = None,
    ) -> None:
        self.name = name
        self.images = _checked_images(images)  # (N, C, H, W)
        self.labels = _checked_labels(labels, len(self.images))  # (N,)
        self.classes = (
            None if classes is None or isinstance(classes, int | np.integer) else tuple(classes)
        )
        self.num_classes = _count_classes(self.labels, classes)
        self._rows = self.images.reshape(len(self.images), -1)  # (N, C*H*W)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def subset(self, index: slice | Sequence[int] | NDArray[Any]) -> ArrayDataset:
        """The chosen images as a data set of their own, with the same classes."""
        chosen = self._chosen(index)
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
    def __getitem__(
        self, index: slice | Sequence[int] | NDArray[Any], /
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...

    def __getitem__(
        self, index: int | slice | Sequence[int] | NDArray[Any], /
    ) -> tuple[NDArray[np.float32], int | NDArray[np.int64]]:
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index: got {index}, but {self!r} has {len(self)} images")
            return to_float32(self.images[index]), int(self.labels[index])
        chosen = self._chosen(index)
        rows = chosen if isinstance(chosen, slice) else to_device(chosen, device_of(self._rows))
        return self.batch(rows), self.labels[chosen].copy()

    def batch(self, rows: slice | Array) -> Array:
        """The images of these rows, a slice or an array of integers on their device, unchecked."""
        # Gather bytes, then convert across the transposition: a quarter of the memory is moved.
        pixels = to_float32(self._rows[rows].T)  # (C*H*W, K)
        return as_nchw(pixels.reshape(*self.image_shape, -1))

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.image_shape)
        return f"<{self.name}: {len(self)} images {shape}, {self.num_classes} classes>"

    def _chosen(self, index: slice | Sequence[int] | NDArray[Any]) -> slice | NDArray[Any]:
        if isinstance(index, slice):
            return index
        chosen = np.asarray(index)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iub":
            raise TypeError(
                f"index: got {chosen.dtype} of shape {chosen.shape}, expected an integer, a slice, "
                "or one axis of integers or booleans"
            )
        return chosen


def random_split(
    dataset: Divisible, lengths: Sequence[int] | Sequence[float], seed: int | None = None
) -> list[Divisible]:
    """Cut a data set at random into parts without overlap, by its method ``subset``.

    `lengths` are integers that sum to len(dataset), or fractions that sum to 1: then each part has
    floor(len * fraction) images, and the rest goes one by one to the first parts, as in PyTorch.
    The same seed gives the same parts; without one the global generator decides (`manual_seed`).

    Raises ValueError for lengths that sum to something else, and for a part without images.
    """
    counts = _part_sizes(lengths, len(dataset))
    if not counts or min(counts) < 1:
        raise ValueError(f"lengths: {list(lengths)} of {len(dataset)} images leaves a part empty")
    order = generator(seed).permutation(len(dataset))
    ends = np.cumsum(counts)[:-1]
    return [dataset.subset(part) for part in np.split(order, ends)]


def to_float32(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """A fresh C-ordered float32 array of the pixels: uint8 as x / 255, floats as they are."""
    xp = array_module(pixels)
    result = xp.empty(pixels.shape, np.float32)
    if pixels.dtype == np.uint8:
        # dtype: NumPy 1 would divide bytes by a scalar in half precision.
        xp.divide(pixels, np.float32(255), out=result, dtype=np.float32)
    else:
        result[...] = pixels
    return result


def _part_sizes(lengths: Sequence[int] | Sequence[float], total: int) -> list[int]:
    if sum(lengths) == total and all(float(length).is_integer() for length in lengths):
        return [int(length) for length in lengths]
    if not math.isclose(sum(lengths), 1) or min(lengths) < 0:
        raise ValueError(
            f"lengths: got {list(lengths)}, which sum to {sum(lengths)}; expected integers that "
            f"sum to {total}, or fractions that sum to 1"
        )
    counts = [math.floor(total * fraction) for fraction in lengths]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    return counts


def _checked_images(images: ArrayLike) -> NDArray[Any]:
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


def _checked_labels(labels: ArrayLike, count: int) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels: got {array.dtype}, expected integers")
    if array.shape != (count,):
        raise ValueError(f"labels: got shape {array.shape}, expected ({count},), one per image")
    if array.min() < 0:
        raise ValueError(f"labels: got {array.min()}, expected integers of 0 or more")
    return array.astype(np.int64)


def _count_classes(labels: NDArray[np.int64], classes: Sequence[str] | int | None) -> int:
    needed = int(labels.max()) + 1
    if classes is None:
        return needed
    count = classes if isinstance(classes, int | np.integer) else len(classes)
    if count < needed:
        raise ValueError(f"classes: got {count}, but the largest label is {needed - 1}")
    return count

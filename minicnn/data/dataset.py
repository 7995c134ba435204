"""Images and labels in memory; batches are made in `loader`."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backend import Array, array_module, device_of, on_device_of, to_device
from ..backend.arrays import to_array
from ..backend.layout import as_nchw
from ..checks import check_integer, is_integer
from .labels import (
    check_classes,
    check_labels,
    check_not_bytes,
    describe,
    is_classes,
    is_same_memory,
    is_several,
    map_named,
    map_parts,
    read_labels,
)

Indices = slice | Sequence[int] | NDArray[Any]
"""Several items of a data set: a slice, integers, or a mask of booleans."""
Batch = tuple[Any, Any]
"""Images (K, C, H, W), batch-last in memory, and labels (K, ...); each may be a tuple."""


class Dataset(Protocol):
    """What a DataLoader can read: a length, and an (image, label) pair for each index below it.

    An image is (H, W) or (C, H, W), uint8 (read as x / 255) or float; a label is a number, a
    boolean or an array. Several inputs are a tuple of images, several labels a tuple of labels.

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

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...


class ArrayDataset:
    """Labelled images held in arrays.

    images   (N, H, W) or (N, C, H, W); uint8 0..255, read as x / 255, or floats, read as they are;
             a tuple of such arrays for a network with several inputs
    labels   (N, ...) numbers or booleans, read as int64, float32 or bool; a tuple of such arrays
             for several labels. Integers (N,) are classes, 0 or more. The images themselves, for
             an autoencoder (the same memory, not a copy), are read as images are.
    name     shown in messages
    classes  the names of the classes, or their number; by default 1 + the largest label. Also for
             labels (N, K, ...) of K classes, one-hot for example, and for masks of class indices,
             whose values are not checked.

    `dataset[i]` is (image (C, H, W) float32, label), and a slice, a list of indices or a mask gives
    (images (K, C, H, W) batch-last in memory, labels (K, ...)), always as new arrays. Images in C
    order are not copied, so do not write into them. After ``to(device)`` the images, but not the
    labels, are on that device, and so are the images read.

    Raises TypeError for the wrong type of array, ValueError for shapes, lengths and labels that
    do not fit, and IndexError for an index outside the data set.

    >>> dataset = mc.data.ArrayDataset(np.zeros((3, 8, 8), np.uint8), [0, 2, 1], name="blank")
    >>> dataset
    <blank: 3 images 1x8x8, 3 classes>
    >>> images, labels = dataset[:2]
    >>> images.shape, images.dtype, labels
    ((2, 1, 8, 8), dtype('float32'), array([0, 2]))
    >>> mc.data.ArrayDataset(np.zeros((3, 8, 8), np.uint8), [[0.5, 1], [2, 3], [4, 5]], "boxes")
    <boxes: 3 images 1x8x8, labels float32 2>
    """

    def __init__(
        self,
        images: ArrayLike | tuple[ArrayLike, ...],
        labels: ArrayLike | tuple[ArrayLike, ...],
        name: str = "data set",
        classes: Sequence[str] | int | None = None,
    ) -> None:
        self.name = name
        self.images = _check_inputs(images)  # (N, C, H, W), or a tuple of them
        given = images if isinstance(images, tuple) else (images,)

        def check(name: str, value: Any) -> Any:
            own = zip(self._inputs, given, strict=True)
            same = [array for array, other in own if is_same_memory(value, other)]
            if same:
                return same[0]
            checked = check_labels(name, value, len(self))
            check_not_bytes(name, checked, given)
            return checked

        several = is_several(labels)
        self.labels = map_named(check, "labels", labels) if several else check("labels", labels)
        self.classes, self._num_classes = check_classes(classes, self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W). Raises ValueError for several inputs."""
        if isinstance(self.images, tuple):
            raise ValueError(f"image_shape: {self!r} has {len(self.images)} inputs, expected one")
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """The number of classes. Raises ValueError for labels without classes."""
        if self._num_classes is None:
            raise ValueError(
                f"num_classes: {self!r} has no classes, expected integer labels "
                f"({len(self)},), or ArrayDataset(..., classes=...)"
            )
        return self._num_classes

    def subset(self, index: Indices) -> ArrayDataset:
        """The chosen images as a data set with the same classes.

        Raises TypeError or IndexError for the index, ValueError if it chooses no image.
        """
        chosen = np.arange(len(self))[_check_indices(index)]
        if chosen.size == 0:
            raise ValueError(f"subset: got 0 of {len(self)} images, expected at least one")
        rows = to_device(chosen, device_of(self._inputs[0]))
        return self._with_arrays(lambda images: images[rows], lambda labels: labels[chosen])

    def to(self, device: str) -> ArrayDataset:
        """The same data set with its images on a device; the labels stay on the CPU.

        Raises DeviceError for a device that cannot be used, MemoryError when it is full.
        """

        def move(images: Array) -> Array:
            rows = images.reshape(len(images), -1)  # (N, C*H*W): stays in C order
            return to_device(rows, device).reshape(images.shape)

        return self._with_arrays(move, lambda labels: labels)

    def __len__(self) -> int:
        return len(self._inputs[0])

    def __getitem__(self, index: int | Indices, /) -> Batch:
        if is_integer(index):
            images, labels = self[[check_index(self, index)]]
            return map_parts(lambda a: a[0].copy(), images), map_parts(_only_label, labels)
        chosen = _check_indices(index)
        numbers = np.arange(len(self))[chosen]
        is_slice = isinstance(chosen, slice)
        return self.batch(
            numbers, chosen if is_slice else to_device(numbers, device_of(self._inputs[0]))
        )

    def batch(self, chosen: NDArray[Any], rows: slice | Array) -> Batch:
        """The images and labels of these indices, unchecked; rows: the same on their device."""

        def read(labels: Array) -> Array:
            is_input = any(labels is images for images in self._inputs)
            return _read_images(labels, rows) if is_input else read_labels(labels[chosen])

        return map_parts(lambda a: _read_images(a, rows), self.images), map_parts(read, self.labels)

    @property
    def _inputs(self) -> tuple[Array, ...]:
        return self.images if isinstance(self.images, tuple) else (self.images,)

    def _with_arrays(
        self, of_images: Callable[[Array], Array], of_labels: Callable[[Array], Array]
    ) -> ArrayDataset:
        """A copy with other arrays; labels that are the images stay so."""
        other = copy.copy(self)
        new = {id(images): of_images(images) for images in self._inputs}
        other.images = map_parts(lambda images: new[id(images)], self.images)
        other.labels = map_parts(
            lambda a: new[id(a)] if id(a) in new else of_labels(a), self.labels
        )
        return other

    def __repr__(self) -> str:
        shapes = ["x".join(str(size) for size in images.shape[1:]) for images in self._inputs]
        count = "" if self._num_classes is None else f"{self._num_classes} classes"
        if any(self.labels is images for images in self._inputs):
            count = "labels: the images"
        elif not is_classes(self.labels):
            labels = describe(self.labels, self._inputs)
            count = f"labels {labels}{count and f' of {count}'}"
        return f"<{self.name}: {len(self)} images {' and '.join(shapes)}, {count}>"


def to_float32(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """A new C-ordered float32 array of the pixels: uint8 as x / 255, floats as they are."""
    xp = array_module(pixels)
    result = xp.empty(pixels.shape, np.float32)
    if pixels.dtype == np.uint8:
        # dtype: without it NumPy 1 divides bytes by a scalar in half precision.
        xp.divide(pixels, np.float32(255), out=result, dtype=np.float32)
    else:
        with np.errstate(under="ignore"):  # under np.seterr(all="raise") too, 1e-50 is 0
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


def _read_images(images: Array, rows: slice | Array) -> Array:
    """The images (K, C, H, W) of these rows as float32, batch-last."""
    # Gather the bytes and convert while transposing: that moves a quarter of the memory.
    with on_device_of(images):
        pixels = to_float32(images.reshape(len(images), -1)[rows].T)  # (C*H*W, K)
        return as_nchw(pixels.reshape(*images.shape[1:], -1))


def _only_label(labels: Array) -> Any:
    """The label of a batch of one: a Python number, or a new array."""
    return labels[0].item() if labels.ndim == 1 else labels[0].copy()


def _check_inputs(images: Any) -> Any:
    """The images as an array (N, C, H, W), or as a tuple of several with the same N."""
    if not isinstance(images, tuple):
        return _check_images("images", images)
    if not images:
        raise ValueError("images: got an empty tuple, expected an array, or a tuple of them")
    arrays = tuple(_check_images(f"images[{i}]", array) for i, array in enumerate(images))
    for i, array in enumerate(arrays):
        if len(array) != len(arrays[0]):
            raise ValueError(
                f"images[{i}]: got {len(array)} images, but images[0] holds {len(arrays[0])}; "
                "a tuple is for a network with several inputs"
            )
    return arrays


def _check_images(name: str, images: ArrayLike) -> NDArray[Any]:
    array = to_array(name, images)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise TypeError(f"{name}: got {array.dtype}, expected uint8 (0..255) or a float type")
    if array.ndim not in (3, 4):
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, H, W) or (N, C, H, W)")
    if array.size == 0:
        raise ValueError(f"{name}: got shape {array.shape}, expected at least one pixel")
    if array.dtype == np.uint8 and array.max() == 1:
        warnings.warn(
            f"{name}: uint8 of 0 and 1 are read as 0 and 1/255, as all bytes are divided by 255; "
            "write .astype('float32') for 0 and 1",
            stacklevel=4,
        )
    if array.ndim == 3:
        array = array[:, None]  # (N, 1, H, W)
    return np.ascontiguousarray(array)

"""Batches of a data set, in order or shuffled, as tensors that lie batch-last in memory."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor
from ..backend import device_of, resolve_device, to_device
from ..backend.layout import as_chwn, as_nchw
from ..backend.random import generator
from .dataset import ArrayDataset, Dataset, to_float32
from .image_folder import ImageFolder


class DataLoader:
    """Iterates over a data set in batches: (images (N, C, H, W) float32, labels (N,) int64).

    The images are on the default device, the labels on the CPU; ``on`` names another device.

    dataset     an ArrayDataset, or any object with `len` and `dataset[i] -> (image, label)`; such
                images are (H, W) or (C, H, W), all of one shape, uint8 (read as x / 255) or float
    batch_size  images in a batch; the last one may hold fewer
    shuffle     a new random order for each epoch
    seed        with one, epoch e of every loader with this seed has the same order; without one
                the orders come from the global generator (`minicnn.manual_seed`)
    drop_last   leave out a last batch that is not full
    transform   called with each batch of images, an array (N, C, H, W), and returns such an array

    `epoch` counts the epochs begun, from 0. Each `iter(loader)` takes the order of the current
    `epoch` and adds one; set it to continue an interrupted run: `loader.epoch = 3`. `order` (N,) is
    the order of the epoch begun last, and `on(device, start=k)` goes on in it.

    Raises TypeError or ValueError for arguments that do not fit, for an empty data set, when
    drop_last leaves no batch at all, and, while iterating, for items that are no such images.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = _checked_integer("batch_size", batch_size, least=1)
        self.shuffle = shuffle
        self.seed = None if seed is None else _checked_integer("seed", seed, least=0)
        self.drop_last = drop_last
        self.transform = transform
        self.epoch = 0
        self.order: NDArray[np.int64] | None = None
        self._copy: tuple[str, ArrayDataset] | None = None
        self._length = _count_items(dataset)
        if len(self) == 0:
            raise ValueError(
                f"drop_last: leaves no batch, {self._length} images // {self.batch_size} = 0"
            )

    def __len__(self) -> int:
        """The number of batches."""
        if self.drop_last:
            return self._length // self.batch_size
        return -(-self._length // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.on(resolve_device())

    def on(self, device: str, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch with their images on a device; the labels stay on the CPU.

        An ArrayDataset goes there once and as a whole, if it fits; batches that a transform or a
        data set of another kind makes on the CPU go one by one. With a start above 0 no epoch is
        begun: the one begun last goes on with that batch, and those before it are not read.
        Raises DeviceError; ValueError for a start beyond the end or before any epoch was begun.
        """
        device = resolve_device(device)
        if start == 0:
            self.order = self._new_order()
            self.epoch += 1
        if self.order is None or not 0 <= start <= len(self):
            raise ValueError(
                f"start: got {start}, expected 0 to {len(self)}, above 0 only in an epoch begun"
            )
        return self._batches(self._resident(device), self.order, device, start)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is: `epoch`, `order`, and the options that decide what a batch holds."""
        return {"epoch": self.epoch, "order": self.order, "options": self._options()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where a loader like this one was; all of it or, on error, nothing.

        Raises ValueError when it is not the state of a loader with these options.
        """
        if not isinstance(state_dict, Mapping) or not {"epoch", "options"} <= state_dict.keys():
            raise ValueError("state dict: no state of a DataLoader")
        there, here = state_dict["options"], self._options()
        if there != here:
            raise ValueError(f"state dict: of a DataLoader with {there}, but this one has {here}")
        order = state_dict.get("order")
        if order is not None:
            order = np.array(order)
            every = np.arange(self._length)
            if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order.ravel()), every):
                raise ValueError(f"state dict: order is no permutation of {self._length} images")
        self.epoch = _checked_integer("state dict: epoch", state_dict["epoch"], least=0)
        self.order = order

    def _options(self) -> dict[str, Any]:
        names = ("batch_size", "shuffle", "seed", "drop_last")
        return {"images": self._length, **{name: getattr(self, name) for name in names}}

    def _resident(self, device: str) -> Dataset:
        """The data set on the device, where it is kept for the next epoch; else as it is."""
        if not isinstance(self.dataset, ArrayDataset) or self.transform is not None:
            return self.dataset
        if device_of(self.dataset.images) == device:
            return self.dataset
        if self._copy is None or self._copy[0] != device:
            try:
                self._copy = device, self.dataset.to(device)
            except MemoryError:
                self._copy = device, self.dataset
        return self._copy[1]

    def _new_order(self) -> NDArray[np.int64]:
        if not self.shuffle:
            return np.arange(self._length)
        if self.seed is None:
            return generator(None).permutation(self._length)
        # Seed and epoch are mixed, not added: else epoch 1 of seed 0 were epoch 0 of seed 1.
        mixed = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)
        return generator(int(mixed[0])).permutation(self._length)

    def _batches(
        self, dataset: Dataset, order: NDArray[np.int64], device: str, start: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        rows = order
        if isinstance(dataset, ArrayDataset):
            rows = to_device(order, device_of(dataset.images))  # not a small copy for each batch
        size = self.batch_size
        parts = [slice(k * size, (k + 1) * size) for k in range(start, len(self))]
        read = _reader(dataset, [order[part] for part in parts])
        for part in parts:
            if isinstance(dataset, ArrayDataset):
                images, labels = dataset.batch(rows[part]), dataset.labels[order[part]]
            else:
                images, labels = next(read)
            if self.transform is not None:
                images = _transformed(self.transform, images)
            yield Tensor(to_device(images, device)), Tensor(labels)


def _reader(
    dataset: Dataset, parts: list[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The batches of a data set that does not lie in memory, decoded ahead where it can do that."""
    if isinstance(dataset, ImageFolder):
        return dataset.batches(parts)
    return (_read(dataset, part) for part in parts)


def _read(
    dataset: Dataset, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The chosen items, images (K, C, H, W) batch-last and labels (K,)."""
    items = [_read_item(dataset, int(index)) for index in chosen]
    shape = items[0][0].shape
    for index, (image, _) in zip(chosen, items, strict=True):
        if image.shape != shape:
            raise ValueError(
                f"dataset[{index}]: got an image {image.shape}, but dataset[{chosen[0]}] in the "
                f"same batch is {shape}"
            )
    pixels = np.empty((*shape, len(items)), np.float32)
    np.stack([image for image, _ in items], axis=-1, out=pixels)  # (C, H, W, K)
    return as_nchw(pixels), np.array([label for _, label in items], np.int64)


def _read_item(dataset: Dataset, index: int) -> tuple[NDArray[np.float32], int]:
    image, label = dataset[index]
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise TypeError(
            f"dataset[{index}]: got an image of {pixels.dtype}, expected uint8 or float"
        )
    if pixels.ndim not in (2, 3):
        raise ValueError(
            f"dataset[{index}]: got an image {pixels.shape}, expected (H, W) or (C, H, W)"
        )
    try:
        number = operator.index(label)
    except TypeError:
        raise TypeError(f"dataset[{index}]: got the label {label!r}, expected an integer") from None
    return to_float32(pixels if pixels.ndim == 3 else pixels[None]), number  # (C, H, W)


def _transformed(
    transform: Callable[[NDArray[Any]], NDArray[Any]], images: NDArray[np.float32]
) -> NDArray[np.float32]:
    result = transform(images)
    if not isinstance(result, np.ndarray) or result.ndim != 4 or len(result) != len(images):
        got = getattr(result, "shape", type(result).__name__)
        raise ValueError(
            f"transform: {transform!r} returned {got}, expected an array ({len(images)}, C, H, W)"
        )
    return as_nchw(as_chwn(result.astype(np.float32, copy=False)))


def _checked_integer(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: got {value!r}, expected an integer")
    if value < least:
        raise ValueError(f"{name}: got {value}, expected {least} or more")
    return int(value)


def _count_items(dataset: Dataset) -> int:
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"dataset: got {type(dataset).__name__}, expected an object with len and indexing"
        )
    if len(dataset) == 0:
        raise ValueError("dataset: it is empty, expected at least one item")
    return len(dataset)

"""Batches of a data set, in order or shuffled, as tensors that are batch-last in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor
from ..backend import Array, device_of, resolve_device, to_device
from ..backend.layout import as_chwn, as_nchw
from ..backend.random import generator
from ..checks import brief, check_integer
from ..fields import count, fields, plain, values
from .dataset import ArrayDataset, Dataset
from .items import read_batches
from .labels import first_part, map_parts, place_labels
from .transforms.images import Transform


class DataLoader:
    """Iterates over a data set in batches: (images (N, C, H, W) float32, labels (N, ...)).

    The images are on the default device; ``on`` selects another. Integer labels are int64 and stay
    on the CPU, where losses check them; others are float32 or bool, and go with the images.

    dataset     an ArrayDataset, or any object with `len` and `dataset[i] -> (image, label)`; its
                images are (H, W) or (C, H, W), all of one shape, uint8 (read as x / 255) or float;
                its labels numbers, booleans or arrays, all of one shape. Where an image or a label
                is a tuple, for several inputs or labels, a batch holds a tuple of Tensors.
    batch_size  images per batch; the last batch may hold fewer
    shuffle     a new random order for each epoch
    seed        epoch e of every loader with the same seed has the same order; without a seed the
                orders come from the global generator (`minicnn.manual_seed`)
    drop_last   skip the last batch if it is not full
    transform   called with each batch of images, an array (N, C, H, W), and returns such an array;
                of several inputs with each. It does not see the labels, so one that shifts, turns,
                flips or crops by chance is refused for labels with a value for each pixel.

    `epoch` counts the epochs started so far. Each `iter(loader)` takes the order of the current
    `epoch` and adds one; set it to continue an interrupted run: `loader.epoch = 3`. `order` (N,) is
    the order of the epoch started last, and `on(device, start=k)` continues it.

    Raises TypeError or ValueError for invalid arguments, for an empty data set, if drop_last
    leaves no batch, and, while iterating, for items that are not such images and labels, and a
    transform that would move the images away from their labels.

    >>> train = mc.data.load("digits", "train")
    >>> loader = mc.data.DataLoader(train, batch_size=64, shuffle=True, seed=0)
    >>> images, labels = next(iter(loader))
    >>> len(loader), images.shape, labels.shape
    (23, (64, 1, 8, 8), (64,))
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        transform: Transform | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = check_integer("DataLoader: batch_size", batch_size, least=1)
        self.shuffle = shuffle
        self.seed = None if seed is None else check_integer("DataLoader: seed", seed, least=0)
        self.drop_last = drop_last
        self.transform = transform
        self.epoch = 0
        self.order: NDArray[np.int64] | None = None
        self._copy: tuple[str, ArrayDataset] | None = None
        self._length = _count_items(dataset)
        if len(self) == 0:
            raise ValueError(
                "DataLoader: drop_last leaves no batch, "
                f"{self._length} images // {self.batch_size} = 0"
            )

    def __len__(self) -> int:
        """The number of batches."""
        if self.drop_last:
            return self._length // self.batch_size
        return -(-self._length // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self.on(resolve_device())

    def on(
        self, device: str, start: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[tuple[Any, Any]]:
        """The batches of an epoch with their images on a device; integer labels stay on the CPU.

        An ArrayDataset is moved there once and as a whole, if it fits; batches that a transform or
        another kind of data set makes on the CPU are moved one by one. With a start above 0 no new
        epoch starts: the last one continues at that batch, and the batches before are not read.

        share: (k, n) gives of every batch only the part number k of n parts of nearly equal size,
        or the first image of the batch where that part is empty. A transform is called with the
        whole batch all the same, so that its random numbers do not depend on the share.

        Raises DeviceError; ValueError for a start beyond the end, or above 0 before any epoch, and
        for a share that does not exist.
        """
        device = resolve_device(device)
        start = check_integer("start", start, least=0, most=len(self))
        parts_of_batch = check_integer("share[1]", share[1], least=1)
        check_integer("share[0]", share[0], least=0, most=parts_of_batch - 1)
        if start == 0:
            self.order = self._draw_order()
            self.epoch += 1
        if self.order is None:
            raise ValueError(f"start: got {start}, but no epoch has started yet, expected 0")
        parts = [self._images_of(k) for k in range(start, len(self))]
        return self._batches(self._dataset_on(device), self.order, device, parts, share)

    def batch_sizes(self, start: int = 0) -> list[int]:
        """The number of images in each batch from number ``start`` on."""
        images = [self._images_of(k) for k in range(start, len(self))]
        return [part.stop - part.start for part in images]

    def _images_of(self, batch: int) -> slice:
        """Where the images of a batch stand in the order of an epoch."""
        start = batch * self.batch_size
        return slice(start, min(start + self.batch_size, self._length))

    def state_dict(self) -> dict[str, Any]:
        """The position of the loader: `epoch`, `order`, and the options that shape its batches."""
        return {"epoch": self.epoch, "order": self.order, "options": self._options()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue where another loader with these options stopped; on error nothing changes.

        Raises ValueError if this is not the state of a loader with these options.
        """
        state = _check_state("state dict of a DataLoader", state_dict)
        here = self._options()
        there = {name: state["options"].get(name, "nothing") for name in here}
        if there != here:
            raise ValueError(
                f"state dict: of a DataLoader with {_differing(there, here)}, but this one has "
                f"{_differing(here, there)}"
            )
        order = state_dict.get("order")
        if order is not None:
            order = np.array(order)
            is_whole = order.shape == (self._length,) and order.dtype.kind in "iu"
            if not is_whole or not np.array_equal(np.sort(order), np.arange(self._length)):
                raise ValueError(f"state dict: order is not a permutation of {self._length} images")
        self.epoch = state["epoch"]
        self.order = order

    def _options(self) -> dict[str, Any]:
        names = ("batch_size", "shuffle", "seed", "drop_last")
        return {"images": self._length, **{name: getattr(self, name) for name in names}}

    def _dataset_on(self, device: str) -> Dataset:
        """The data set on the device if possible, kept there for the next epoch; else as it is."""
        if not isinstance(self.dataset, ArrayDataset) or self.transform is not None:
            return self.dataset
        if device_of(first_part(self.dataset.images)) == device:
            return self.dataset
        if self._copy is None or self._copy[0] != device:
            try:
                self._copy = device, self.dataset.to(device)
            except MemoryError:
                self._copy = device, self.dataset
        return self._copy[1]

    def _draw_order(self) -> NDArray[np.int64]:
        if not self.shuffle:
            return np.arange(self._length)
        if self.seed is None:
            return generator(None).permutation(self._length)
        # Mixed, not added: otherwise epoch 1 of seed 0 would be epoch 0 of seed 1.
        mixed = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)
        return generator(int(mixed[0])).permutation(self._length)

    def _batches(
        self,
        dataset: Dataset,
        order: NDArray[np.int64],
        device: str,
        parts: list[slice],
        share: tuple[int, int],
    ) -> Iterator[tuple[Any, Any]]:
        rows = order
        if isinstance(dataset, ArrayDataset):
            # Once, not for each batch.
            rows = to_device(order, device_of(first_part(dataset.images)))
        own = [_own_part(part, share) for part in parts]
        if self.transform is None:
            parts = own
        read = read_batches(dataset, [order[part] for part in parts])
        for part, chosen in zip(parts, own, strict=True):
            if isinstance(dataset, ArrayDataset):
                images, labels = dataset.batch(order[part], rows[part])
            else:
                images, labels = next(read)
            if self.transform is not None:
                if getattr(self.transform, "moves_pixels", False):
                    _check_not_moved(self.transform, images, labels)
                images = map_parts(partial(_apply_transform, self.transform), images)
                if part != chosen:
                    inside = slice(chosen.start - part.start, chosen.stop - part.start)
                    images, labels = (
                        map_parts(lambda a, inside=inside: a[inside], both)
                        for both in (images, labels)
                    )
            yield (
                map_parts(lambda array: Tensor(to_device(array, device)), images),
                place_labels(labels, device),
            )


def own_images(images: int, share: tuple[int, int]) -> tuple[int, int]:
    """Where the part number k of n begins and ends among so many images; share: (k, n)."""
    number, parts = share
    return images * number // parts, images * (number + 1) // parts


def _own_part(images: slice, share: tuple[int, int]) -> slice:
    start, stop = own_images(images.stop - images.start, share)
    if start == stop:
        start, stop = 0, 1
    return slice(images.start + start, images.start + stop)


def _check_not_moved(transform: Transform, images: Any, labels: Any) -> None:
    """Raise ValueError if a label is a value for each pixel, which the transform would not move."""
    size = first_part(images).shape[2:]

    def check(part: Array) -> None:
        if part.ndim > 2 and part.shape[-2:] == size:
            raise ValueError(
                f"transform: {transform!r} moves the pixels of the images, but not the labels of "
                f"shape {part.shape}; move both in the data set, where dataset[i] is read"
            )

    map_parts(check, labels)


_check_state = fields({"epoch": count, "options": values(plain)})


def _differing(options: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The options that differ from others, such as "batch_size 4"."""
    return ", ".join(f"{k} {brief(v)}" for k, v in options.items() if v != other[k])


def _apply_transform(transform: Transform, images: NDArray[np.float32]) -> NDArray[np.float32]:
    result = transform(images)
    if not isinstance(result, np.ndarray) or result.ndim != 4 or len(result) != len(images):
        got = getattr(result, "shape", type(result).__name__)
        raise ValueError(
            f"transform: {transform!r} returned {got}, expected an array ({len(images)}, C, H, W)"
        )
    return as_nchw(as_chwn(result.astype(np.float32, copy=False)))


def _count_items(dataset: Dataset) -> int:
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"dataset: got {type(dataset).__name__}, expected an object with len and indexing"
        )
    if len(dataset) == 0:
        raise ValueError("dataset: got 0 items, expected at least one")
    return len(dataset)

"""The data of a training: batches of (images, labels), checked and moved to the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import array_module, on_device_of
from ..backend.layout import as_chwn, as_nchw
from ..backend.random import Part
from ..data import ArrayDataset, DataLoader, ImageFolder
from ..data.dataset import to_float32
from ..data.labels import check_not_bytes, first_part, is_several, map_parts, place_labels
from ..data.loader import own_images
from ..nn import Module
from ..ops.convert import as_tensor

Batches = Iterable[tuple[Any, Any]]


def compute_outputs(model: Module, x: Any) -> Any:
    """What the model returns for a batch; several inputs are a tuple."""
    return model(*x) if isinstance(x, tuple) else model(x)


def place_batches(
    data: Batches, device: str, start: int = 0, share: tuple[int, int] = (0, 1)
) -> Iterator[tuple[Any, Any, Part]]:
    """The batches on the device, from number ``start`` on; begins the epoch of a DataLoader.

    share: (k, n) for the part number k of n of every batch, with which images of it these are. An
    empty part is the first image of the batch.
    Raises ValueError for a batch that is not a pair and for data without a batch.
    """
    if isinstance(data, DataLoader):
        placed = _placed(data.on(device, start, share), device, empty=start == 0)
        parts = [Part(*own_images(n, share), n) for n in data.batch_sizes(start)]
        return ((x, y, part) for (x, y), part in zip(placed, parts, strict=True))
    return _cut_batches(_placed(data, device, empty=start == 0), device, share)


def _cut_batches(
    batches: Iterator[tuple[Any, Any]], device: str, share: tuple[int, int]
) -> Iterator[tuple[Any, Any, Part]]:
    for x, y in batches:
        whole = count_images(x)
        part = Part(*own_images(whole, share), whole)
        if part.images < whole:
            images = slice(part.start, part.stop) if part.images else slice(0, 1)
            x, y = place(_cut(x, images), device), _cut(y, images)
        yield x, y, part


def _cut(value: Any, images: slice) -> Any:
    """Some images or labels of a batch."""
    return map_parts(lambda tensor: Tensor(tensor.data[images]), value)


def place(value: Any, device: str) -> Any:
    """The value as a Tensor on the device, uint8 as x / 255; of a tuple each part.

    Images are in batch-last storage.
    """
    if is_several(value):
        return tuple(place(part, device) for part in value)
    tensor = as_tensor(value)
    with on_device_of(tensor.data):
        if tensor.dtype == np.uint8:
            tensor = Tensor(to_float32(tensor.data))
        if tensor.ndim == 4:
            tensor = Tensor(as_nchw(as_chwn(tensor.data)))  # free if the batch is batch-last
    return tensor.to(device)


def as_inputs(name: str, x: Any) -> Any:
    """The images as an array, or as a tuple of arrays if there are several inputs.

    Raises TypeError for a data set or batches, ValueError for no images.
    """
    if isinstance(x, DataLoader | ArrayDataset | ImageFolder):
        raise TypeError(f"{name}: got {type(x).__name__}, expected images, such as dataset[:][0]")
    parts = tuple(as_tensor(part).data for part in (x if is_several(x) else (x,)))
    for part in parts:
        if part.ndim == 0 or len(part) == 0:
            raise ValueError(f"{name} has shape {part.shape}, expected at least one image")
    inputs = parts if is_several(x) else parts[0]
    check_lengths(name, inputs)
    return inputs


def in_batches(inputs: Any, size: int, device: str) -> Iterator[Any]:
    """The images in batches of this size, as Tensors on the device."""
    for k in range(0, count_images(inputs), size):
        yield place(map_parts(lambda images, k=k: images[k : k + size], inputs), device)


def concatenate(name: str, outputs: list[Any]) -> Any:
    """The outputs of several batches as one Tensor, or as a tuple of them.

    Raises TypeError for outputs that are neither.
    """
    if isinstance(outputs[0], tuple | list):
        return tuple(concatenate(name, list(parts)) for parts in zip(*outputs, strict=True))
    if not isinstance(outputs[0], Tensor):
        got = type(outputs[0]).__name__
        raise TypeError(f"{name}: the model returned a {got}, expected a Tensor or a tuple of them")
    arrays = [output.data for output in outputs]
    with on_device_of(arrays[0]):
        return Tensor(array_module(arrays[0]).concatenate(arrays))


def count_images(x: Any) -> int:
    """The number of images in a batch, which may have several inputs."""
    return len(first_part(x))


def _placed(batches: Batches, device: str, empty: bool) -> Iterator[tuple[Any, Any]]:
    for batch in batches:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ValueError(
                f"data: got a batch of type {type(batch).__name__}, expected pairs "
                "(images, labels), as from a DataLoader; several inputs or labels are a tuple, "
                "as in ((images, images), labels)"
            )
        empty = False
        given = batch[0] if is_several(batch[0]) else (batch[0],)
        inputs = place(batch[0], device)
        check_lengths("data", inputs)
        labels = place_labels(batch[1], device)
        _check_batch(inputs, labels)
        map_parts(partial(_check_labels, images=given), labels)
        yield inputs, labels
    if empty:
        raise ValueError("data: got no batches (an iterator can be used for one epoch only)")


def _check_labels(labels: Tensor, images: tuple[Any, ...]) -> None:
    check_not_bytes("data: labels", labels.data, images)


def _check_batch(inputs: Any, labels: Any) -> None:
    """Raise ValueError for a single sample, or a batch without images."""
    first, label = first_part(inputs), first_part(labels)
    if first.ndim == 0 or label.ndim == 0:
        raise ValueError(
            f"data: got an image of shape {first.shape} with a label of shape {label.shape}, "
            "expected batches of them: DataLoader(dataset, batch_size=32)"
        )
    if len(first) == 0:
        raise ValueError(f"data: got a batch of shape {first.shape}, expected at least one image")


def check_lengths(name: str, inputs: Any) -> None:
    """Raise ValueError for several inputs with different numbers of images."""
    if isinstance(inputs, tuple) and len({x.shape[:1] for x in inputs}) != 1:
        raise ValueError(
            f"{name}: got inputs of shapes {', '.join(str(x.shape) for x in inputs)}, expected the "
            "same number of images in each"
        )

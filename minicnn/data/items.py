"""Batches of items that a data set gives one by one: each is checked, then they are stacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.arrays import to_array
from .dataset import Batch, Dataset, to_float32
from .image_folder import ImageFolder
from .labels import check_not_bytes, check_numbers, is_same_memory, map_named, stack_parts


def read_batches(dataset: Dataset, parts: list[NDArray[np.int64]]) -> Iterator[Batch]:
    """The batches of a data set that is not in memory; an ImageFolder decodes them ahead."""
    if isinstance(dataset, ImageFolder):
        return dataset.batches(parts)
    return (_stack_items(dataset, part) for part in parts)


def _stack_items(dataset: Dataset, chosen: NDArray[np.int64]) -> Batch:
    items = [_read_item(dataset, int(index)) for index in chosen]
    images, labels = (list(parts) for parts in zip(*items, strict=True))
    return (
        stack_parts([f"dataset[{index}]: image" for index in chosen], images, as_images=True),
        stack_parts([f"dataset[{index}]: label" for index in chosen], labels),
    )


def _read_item(dataset: Dataset, index: int) -> tuple[Any, Any]:
    item = dataset[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        got = f"{len(item)} values" if isinstance(item, tuple | list) else type(item).__name__
        raise ValueError(
            f"dataset[{index}]: got {got}, expected a pair (image, label); several inputs or "
            "labels are a tuple, as in ((image, image), label)"
        )
    images = item[0] if isinstance(item[0], tuple) else (item[0],)

    def check_label(name: str, label: Any) -> NDArray[Any]:
        if any(is_same_memory(label, image) for image in images):
            return _check_image(name, label)
        checked = check_numbers(name, label)
        check_not_bytes(name, checked, images)
        return checked

    return (
        map_named(_check_image, f"dataset[{index}]: image", item[0]),
        map_named(check_label, f"dataset[{index}]: label", item[1]),
    )


def _check_image(name: str, image: Any) -> NDArray[np.float32]:
    pixels = to_array(name, image)
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise TypeError(f"{name}: got {pixels.dtype}, expected uint8 or float")
    if pixels.ndim not in (2, 3):
        raise ValueError(f"{name}: got {pixels.shape}, expected (H, W) or (C, H, W)")
    return to_float32(pixels if pixels.ndim == 3 else pixels[None])  # (C, H, W)

"""The data of a training: batches of (images, labels), checked and moved to the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend.layout import as_chwn, as_nchw
from ..data import ArrayDataset, DataLoader
from ..data.dataset import to_float32
from ..ops.convert import as_tensor

Batches = Iterable[tuple[Any, Any]]


def place_batches(data: Batches, device: str, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches on the device, from number ``start`` on; begins the epoch of a DataLoader.

    Raises TypeError for a data set that is not in batches, ValueError for a batch that is not a
    pair and for data without a batch.
    """
    if isinstance(data, ArrayDataset):
        raise TypeError(
            "data: got an ArrayDataset, expected batches: DataLoader(dataset, batch_size=32)"
        )
    batches = data.on(device, start) if isinstance(data, DataLoader) else data
    return _placed(batches, device, empty=start == 0)


def place(value: Any, device: str) -> Tensor:
    """The value as a Tensor on the device, images in batch-last storage, uint8 as x / 255."""
    tensor = as_tensor(value)
    if tensor.dtype == np.uint8:
        tensor = Tensor(to_float32(tensor.data))
    if tensor.ndim == 4:
        tensor = Tensor(as_nchw(as_chwn(tensor.data)))  # free if the batch is batch-last
    return tensor.to(device)


def _placed(batches: Batches, device: str, empty: bool) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in batches:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ValueError(
                f"data: got a batch of type {type(batch).__name__}, expected pairs "
                "(images, labels), as from a DataLoader"
            )
        empty = False
        yield place(batch[0], device), _place_labels(batch[1], device)
    if empty:
        raise ValueError("data: got no batches (an iterator can be used for one epoch only)")


def _place_labels(value: Any, device: str) -> Tensor:
    labels = as_tensor(value)
    # Class indices stay on the CPU: losses check them, which would make them wait for a GPU.
    return labels if labels.dtype.kind in "iu" else place(labels, device)

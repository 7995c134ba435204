"""What tells one data set from another, so that a training is not continued with other data."""

from __future__ import annotations

import hashlib

import numpy as np

from ..backend import Array, to_device
from .dataset import ArrayDataset, Dataset
from .image_folder import ImageFolder
from .labels import map_parts

MOST_BYTES = 2**28
"""Of larger arrays, only images at equal distances are read: 256 MiB take about 0.2 s."""


def fingerprint(dataset: Dataset) -> str | None:
    """A text that is the same only for the same data; None for a data set of another kind.

    Of an ArrayDataset it tells the images and labels, of an ImageFolder the names of the files. The
    order counts, the names of the data set and of its classes do not.

    >>> first = mc.data.ArrayDataset(np.zeros((2, 4, 4), np.float32), [0, 1])
    >>> second = mc.data.ArrayDataset(np.zeros((2, 4, 4), np.float32), [1, 0])
    >>> mc.data.fingerprint.fingerprint(first)
    'sha256 604ddb808b457a3e of float32 2x1x4x4, int64 2'
    >>> mc.data.fingerprint.fingerprint(second)
    'sha256 c7a73eb38dca0834 of float32 2x1x4x4, int64 2'
    """
    digest = hashlib.sha256()
    if isinstance(dataset, ImageFolder):
        names = [str(path.relative_to(dataset.path)) for path in dataset.paths]
        digest.update("\n".join(names).encode("utf-8", "surrogateescape"))
        return f"sha256 {digest.hexdigest()[:16]} of the names of {len(names)} files"
    if not isinstance(dataset, ArrayDataset):
        return None
    arrays: list[Array] = []
    map_parts(arrays.append, dataset.images)
    map_parts(arrays.append, dataset.labels)
    for array in arrays:
        step = -(-array.nbytes // MOST_BYTES)
        rows = to_device(array[:: max(step, 1)], "cpu")
        digest.update(np.ascontiguousarray(rows).data)
    kinds = [f"{array.dtype} {'x'.join(map(str, array.shape))}" for array in arrays]
    return f"sha256 {digest.hexdigest()[:16]} of {', '.join(kinds)}"

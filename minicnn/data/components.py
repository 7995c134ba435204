"""Which pixels hang together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def components(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each pixel the number of its connected part, 1, 2, ...; 0 outside the mask.

    Pixels that touch by a corner are connected. The runs of each row are joined with the runs of
    the row above that they touch (union-find).
    """
    labels = np.zeros(mask.shape, np.intp)
    parent = [0]

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    above: list[tuple[int, int, int]] = []  # first pixel, the one after the last, label
    for row, pixels in enumerate(mask):
        padded = np.concatenate(([False], pixels, [False]))
        ends = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
        runs = []
        for first, last in zip(ends[::2], ends[1::2], strict=True):
            label = len(parent)
            parent.append(label)
            for other_first, other_last, other in above:
                if other_first <= last and first <= other_last:
                    parent[root(label)] = root(other)
            labels[row, first:last] = label
            runs.append((first, last, label))
        above = runs
    _, numbers = np.unique([root(k) for k in range(len(parent))], return_inverse=True)
    return numbers[labels]

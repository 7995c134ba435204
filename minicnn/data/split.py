"""Splitting a data set at random into parts that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..backend.random import generator
from ..checks import check_number, is_integer


class Splittable(Protocol):
    """What can be split at random: an ArrayDataset, an ImageFolder."""

    def __len__(self) -> int: ...

    def subset(self: Parts, index: NDArray[np.int64], /) -> Parts: ...


class Labelled(Splittable, Protocol):
    """What can be split class by class: labels (N,)."""

    @property
    def labels(self) -> Any: ...


Parts = TypeVar("Parts", bound=Splittable)
LabelledParts = TypeVar("LabelledParts", bound=Labelled)


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


def hold_out(
    dataset: LabelledParts, fraction: float, seed: int = 0
) -> tuple[LabelledParts, LabelledParts]:
    """Split a data set into what to train on and a fraction of each class that is kept from it.

    Each class keeps round(fraction · its images) out, but at least one and not all; a class of one
    image is trained on. With validation images held out of the training data, the test images
    stay unseen until the end. The same seed gives the same parts.

    Raises TypeError or ValueError for a fraction that is not between 0 and 1, for labels other than
    classes (N,), and if nothing would be held out.

    >>> digits = mc.data.load("digits", "train")
    >>> mc.data.hold_out(digits, 0.1)
    (<digits train: 1299 images 1x8x8, 10 classes>, <digits train: 143 images 1x8x8, 10 classes>)
    """
    check_number("hold_out: fraction", fraction, "a number from 0 to below 1")
    labels = np.asarray(dataset.labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"hold_out: {dataset!r} has no classes, expected integer labels (N,)")
    order = np.random.default_rng(seed).permutation(len(labels))
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        held[of_class[: min(max(round(fraction * len(of_class)), 1), len(of_class) - 1)]] = True
    if not held.any() or fraction == 0:
        raise ValueError(f"hold_out: fraction: {fraction} of {dataset!r} is no image")
    return dataset.subset(np.flatnonzero(~held)), dataset.subset(np.flatnonzero(held))


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

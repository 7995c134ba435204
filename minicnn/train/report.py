"""How a classifier does, class by class: the confusion matrix and what is read off it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
CORNER = "is \\ taken for"


def confusion_matrix(labels: Any, predictions: Any, num_classes: int | None = None) -> Counts:
    """How often class j was predicted for images of class i: entry (i, j) of (K, K) counts.

    labels, predictions: class indices (N,), as arrays, Tensors or lists; num_classes: K, by default
    as many as occur. Raises ValueError for lengths that differ or a class out of range.
    """
    truth, guess = (np.asarray(values).astype(np.int64) for values in (labels, predictions))
    if truth.shape != guess.shape or truth.ndim != 1:
        raise ValueError(
            f"confusion_matrix: labels have shape {truth.shape} and predictions {guess.shape}, "
            "expected one of each for every image"
        )
    largest = int(max(truth.max(initial=-1), guess.max(initial=-1)))
    count = largest + 1 if num_classes is None else num_classes
    if largest >= count or min(truth.min(initial=0), guess.min(initial=0)) < 0:
        raise ValueError(f"confusion_matrix: got class {largest}, expected 0 to {count - 1}")
    return np.bincount(truth * count + guess, minlength=count**2).reshape(count, count)


def report(matrix: Counts, names: Sequence[str] | None = None) -> str:
    """The confusion matrix as a table, with recall and precision of each class.

    recall = right / images of the class; precision = right / images taken for the class.
    """
    count = len(matrix)
    names = [str(i) for i in range(count)] if names is None else list(names)
    width = max(5, *(len(name) for name in names), *(len(str(n)) for n in matrix.ravel()))
    right, true, taken = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    first = max(len(CORNER), *(len(name) for name in names))
    header = [f"{CORNER:{first}}", *(f"{name:>{width}}" for name in names)]
    lines = ["  ".join([*header, f"{'recall':>8}"])]
    for i, name in enumerate(names):
        cells = [f"{n or '.':>{width}}" for n in matrix[i]]
        lines.append("  ".join([f"{name:{first}}", *cells, f"{_share(right[i], true[i]):>8}"]))
    shares = [f"{_share(r, t):>{width}}" for r, t in zip(right, taken, strict=True)]
    total = f"{_share(right.sum(), true.sum()):>8}"
    lines.append("  ".join([f"{'precision':{first}}", *shares, total]))
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"

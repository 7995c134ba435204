"""How good a classifier is, class by class: the confusion matrix, recall and precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..autograd import Tensor
from ..checks import check_integer
from ..text_table import Cell, text_table

Counts = NDArray[np.int64]
CORNER = "true \\ predicted"


def confusion_matrix(
    labels: ArrayLike | Tensor, predictions: ArrayLike | Tensor, num_classes: int | None = None
) -> Counts:
    """Entry (i, j) of (K, K) counts how often class j was predicted for images of class i.

    labels, predictions: class indices (N,), as arrays, Tensors or lists; num_classes: K, by default
    as many as occur. Raises TypeError unless they are integers, ValueError for different lengths or
    a class out of range.

    >>> mc.train.confusion_matrix(labels=[0, 0, 1], predictions=[0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    truth, guess = map(np.asarray, (labels, predictions))
    if truth.shape != guess.shape or truth.ndim != 1:
        raise ValueError(
            f"confusion_matrix: labels have shape {truth.shape} and predictions {guess.shape}, "
            "expected one of each for every image"
        )
    for name, values in (("labels", truth), ("predictions", guess)):
        if values.size and values.dtype.kind not in "iub":
            raise TypeError(
                f"confusion_matrix: {name} are {values.dtype}, expected integers, the classes; of "
                "scores they are scores.argmax(1)"
            )
    truth, guess = truth.astype(np.int64), guess.astype(np.int64)
    largest = int(max(truth.max(initial=-1), guess.max(initial=-1)))
    count = largest + 1
    if num_classes is not None:
        count = check_integer("confusion_matrix: num_classes", num_classes, least=1)
    smallest = int(min(truth.min(initial=0), guess.min(initial=0)))
    if largest >= count or smallest < 0:
        wrong = smallest if smallest < 0 else largest
        raise ValueError(f"confusion_matrix: got class {wrong}, expected 0 to {count - 1}")
    return np.bincount(truth * count + guess, minlength=count**2).reshape(count, count)


def report(matrix: Counts, names: Sequence[str] | None = None) -> str:
    """The confusion matrix as a table, with recall and precision of each class.

    recall = correct / images of the class; precision = correct / images predicted as the class.

    >>> matrix = mc.train.confusion_matrix(labels=[0, 0, 1], predictions=[0, 1, 1])
    >>> print(mc.train.report(matrix, ["cat", "dog"]))
    true \\ predicted     cat    dog  recall
    ---------------------------------------
    cat                    1      1   50.0%
    dog                    .      1  100.0%
    precision         100.0%  50.0%   66.7%
    """
    names = [str(i) for i in range(len(matrix))] if names is None else names
    correct, true, predicted = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    rows: list[list[Cell]] = [
        [name, *(int(n) or "." for n in matrix[i]), _percent(correct[i], true[i])]
        for i, name in enumerate(names)
    ]
    precision = [_percent(c, p) for c, p in zip(correct, predicted, strict=True)]
    rows.append(["precision", *precision, _percent(correct.sum(), true.sum())])
    align = "<" + ">" * (len(names) + 1)
    return text_table(rows, [CORNER, *names, "recall"], align=align, gap="  ")


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"

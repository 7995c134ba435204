"""The confusion matrix: classes only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.train import confusion_matrix


@pytest.mark.parametrize("kind", [list, np.array, mc.tensor, lambda x: np.array(x, np.uint8)])
def test_counts(kind: Any) -> None:
    assert confusion_matrix(kind([0, 1, 1, 2]), kind([0, 1, 0, 2])).tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [0, 0, 1],
    ]


def test_floats_are_not_cut_to_integers() -> None:
    for labels, guesses, name in (
        ([0.9, 1], [0, 1], "labels"),
        ([0, 1], [0.9, 0.2], "predictions"),
    ):
        with pytest.raises(TypeError, match=f"confusion_matrix: {name} are float64, expected int"):
            confusion_matrix(labels, guesses)
    with pytest.raises(ValueError, match=r"labels have shape \(2, 2\)"):
        confusion_matrix(np.eye(2), np.eye(2))

"""~ & | ^ of masks: tensors of booleans, such as comparisons return."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

A, B = np.array([[True], [False]]), np.array([True, False])


@pytest.mark.parametrize("combine", [operator.and_, operator.or_, operator.xor])
def test_masks_are_combined(device: str, combine: Callable[[Any, Any], Any]) -> None:
    a, b = mc.tensor(A, device=device), mc.tensor(B, device=device)
    for got, expected in (
        (combine(a, b), combine(A, B)),
        (combine(a, True), combine(A, True)),
        (combine(False, b), combine(False, B)),
        (combine(a, [True, False]), combine(A, B)),
        (combine(A, b) if device == "cpu" else combine(a, b), combine(A, B)),
    ):
        assert got.device == device
        assert not got.requires_grad
        np.testing.assert_array_equal(got.numpy(), expected, strict=True)


def test_a_range_of_numbers(device: str) -> None:
    x = mc.tensor([-1.0, 0.5, 2.0], device=device, requires_grad=True)
    inside = (x > 0) & (x < 1)
    assert ops.where(inside, x, 0.0).numpy().tolist() == [0, 0.5, 0]
    assert ops.where(~inside | (x > 1), x, 9.0).numpy().tolist() == [-1, 9, 2]
    assert x[inside].numpy().tolist() == [0.5]
    assert (~mc.tensor(True, device=device)).item() is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x & (x > 0), "&: got float32, expected booleans, such as those of x > 0"),
        (lambda x: (x > 0) | 1, r"\|: got int64, expected booleans"),
        (lambda x: 1.0 ^ (x > 0), r"\^: got float32, expected booleans"),
        (lambda x: ~x, "~: got float32, expected booleans, such as those of x > 0"),
        (lambda x: ~mc.tensor([1, 2]), "~: got int64, expected booleans"),
        (lambda x: (x > 0) & None, "expected a number, an array or a Tensor"),
    ],
)
def test_only_masks_are(call: Callable[[mc.Tensor], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(mc.tensor([1.0, 2.0]))


def test_masks_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="&: the shapes do not broadcast together"):
        mc.tensor([True, False]) & mc.tensor([True, False, True])

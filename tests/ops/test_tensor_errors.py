"""Bad input to joining, choosing, einsum, argmax and indexing: what each op says about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

T = mc.tensor
M = T([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
V = T([1.0, 2.0])


def assign(index: Any) -> None:
    M[index] = 1.0


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # where, maximum, minimum
    (lambda: ops.where(V, V, V), TypeError, "where: condition is float32, expected booleans"),
    (lambda: ops.where([1, 0], V, V), TypeError, "where: condition is int64"),
    (lambda: ops.where(None, V, V), TypeError, "expected a number, an array or a Tensor"),
    (lambda: ops.where([True, False], V, "a"), TypeError, "expected a number"),
    (lambda: ops.where([True] * 4, M, V), ValueError,
     r"where: the shapes .* condition \(4,\), a \(2, 3\), b \(2,\)"),
    (lambda: ops.maximum(M, V), ValueError, r"maximum: the shapes .* a \(2, 3\), b \(2,\)"),
    (lambda: ops.minimum(M, V), ValueError, r"minimum: the shapes .* a \(2, 3\), b \(2,\)"),
    (lambda: ops.maximum(M, None), TypeError, "expected a number, an array or a Tensor"),
    # arithmetic and comparisons
    *[
        (call, ValueError, rf"{op}: the shapes .* a \(2, 3\), b \(2,\)")
        for op, call in (
            ("add", lambda: M + V), ("sub", lambda: M - V), ("mul", lambda: M * V),
            ("div", lambda: M / V), ("pow", lambda: M**V), ("lt", lambda: M < V),
            ("eq", lambda: M == V),
        )
    ],
    # concatenate and stack
    *[
        (lambda op=op, given=given: op(given), error, f"{op.__name__}: {message}")
        for op in (ops.concatenate, ops.stack)
        for given, error, message in (
            ([], ValueError, "tensors is empty, expected at least one"),
            (M, TypeError, "tensors is a Tensor, expected a list or tuple"),
            (np.ones(2), TypeError, "tensors is a ndarray"),
            ([M, M.numpy()], TypeError, r"tensors\[1\] is a ndarray, expected a Tensor"),
            ([1.0], TypeError, r"tensors\[0\] is a float"),
        )
    ],
    (lambda: ops.concatenate([M, V]), ValueError,
     r"tensors\[1\] has shape \(2,\) with 1 axes, but tensors\[0\] has \(2, 3\) with 2"),
    (lambda: ops.concatenate([M, M, M[:, :2]]), ValueError,
     r"tensors\[2\] has shape \(2, 2\) and tensors\[0\] \(2, 3\): axis 1 is 2, expected 3; only "
     "axis 0 may"),
    (lambda: ops.concatenate([M, M[:1]], 1), ValueError, "axis 0 is 1, expected 2; only axis 1"),
    (lambda: ops.concatenate([T(1.0), T(2.0)]), ValueError, "has no axes, .* see stack"),
    (lambda: ops.concatenate([M], 2), ValueError, r"axis: got 2, but shape \(2, 3\) has 2 axes"),
    (lambda: ops.concatenate([M], 0.0), TypeError, "axis: got 0.0, expected an integer"),
    (lambda: ops.stack([M, M, V]), ValueError,
     r"stack: tensors\[2\] has shape \(2,\) and tensors\[0\] \(2, 3\), expected the same shape"),
    (lambda: ops.stack([M], 3), ValueError,
     r"stack: axis: got 3, but shape \(2, 3\) has 3 axes with the new one"),
    (lambda: ops.stack([M], -4), ValueError, "stack: axis: got -4"),
    (lambda: ops.stack([M], True), TypeError, "stack: axis: got True, expected an integer"),
    # split
    (lambda: ops.split(M, [1, 1], 1), ValueError,
     r"split: 1 \+ 1 = 2, but axis 1 of shape \(2, 3\) has length 3"),
    (lambda: ops.split(M, [4, -1], 1), ValueError, r"4 \+ -1 = 3, .* lengths of 0 or more"),
    (lambda: ops.split(M, []), ValueError, "split: no lengths = 0, but axis 0"),
    (lambda: ops.split(M, 0), ValueError, "size_or_sizes: got 0, expected an integer of 1 or more"),
    (lambda: ops.split(M, -1), ValueError, "size_or_sizes: got -1"),
    (lambda: ops.split(M, 1.5), TypeError, "size_or_sizes: got 1.5, expected an integer or"),
    (lambda: ops.split(M, True), TypeError, "size_or_sizes: got True"),
    (lambda: ops.split(M, [1, 1.0]), TypeError, r"size_or_sizes: got \[1, 1.0\]"),
    (lambda: ops.split(M, 1, 2), ValueError, "split: axis: got 2"),
    (lambda: ops.split(M.numpy(), 1), TypeError, "split: x is a ndarray"),
    # einsum
    (lambda: ops.einsum(M, M), TypeError, 'equation is a Tensor, expected a string such as "ij,jk'),
    (lambda: ops.einsum("i1->i", M), ValueError, "'i1->i' has the term 'i1', expected letters"),
    (lambda: ops.einsum("i..j", M), ValueError, "the term 'i..j'"),
    (lambda: ops.einsum("...i...", M), ValueError, 'at most one "..."'),
    (lambda: ops.einsum("i->j->i", V), ValueError, "the term 'j->i'"),
    (lambda: ops.einsum("ij,jk->ik", M), ValueError, "has 2 terms, got 1 operands"),
    (lambda: ops.einsum("ij"), ValueError, "has 1 terms, got 0 operands"),
    (lambda: ops.einsum("ij->i", V), ValueError,
     r"operand 0 has shape \(2,\) with 1 axes, but its term 'ij' in 'ij->i' names 2"),
    (lambda: ops.einsum("i->i", M), ValueError, "with 2 axes, but its term 'i' .* names 1"),
    (lambda: ops.einsum("ij...k", M), ValueError, "names 3"),
    (lambda: ops.einsum("ij,jk->ik", M, M), ValueError,
     r"letter 'j' in 'ij,jk->ik' is 2 in operand 1 of shape \(2, 3\), but 3 in operand 0 of shape"),
    (lambda: ops.einsum("ii", M), ValueError, "letter 'i' in 'ii' is 3 in operand 0"),
    (lambda: ops.einsum("i,i", V, V[:1]), ValueError, "letter 'i' in 'i,i' is 1 in operand 1"),
    (lambda: ops.einsum("ij->k", M), ValueError, "output letter 'k' of 'ij->k' is in no operand"),
    (lambda: ops.einsum("ij->ii", M), ValueError, "output letter 'i' of 'ij->ii' occurs twice"),
    (lambda: ops.einsum("...,...", M, V), ValueError, 'under "..." .* do not broadcast'),
    (lambda: ops.einsum("ij", M.numpy()), TypeError, r"operands\[0\] is a ndarray"),
    # argmax and argmin
    *[
        (lambda op=op, x=x, axis=axis: op(x, axis), error, f"{op.__name__}: {message}")
        for op in (ops.argmax, ops.argmin)
        for x, axis, error, message in (
            (M, 2, ValueError, r"axis: got 2, but shape \(2, 3\) has 2 axes"),
            (M, (0, 1), TypeError, r"axis: got \(0, 1\), expected an integer"),
            (M, 1.0, TypeError, "axis: got 1.0"),
            (M[:, :0], 1, ValueError, r"0 elements to reduce in shape \(2, 0\)"),
            (M[:0], None, ValueError, r"0 elements to reduce in shape \(0, 3\)"),
            (M.numpy(), None, TypeError, "x is a ndarray, expected a Tensor"),
        )
    ],
    # indexing
    (lambda: M[2], IndexError, r"shape \(2, 3\): index 2 is out of bounds for axis 0 with size 2"),
    (lambda: M[0, -4], IndexError, "index -4 is out of bounds for axis 1"),
    (lambda: M[[0, 5]], IndexError, r"shape \(2, 3\): index 5 is out of bounds"),
    (lambda: M[0, 0, 0], IndexError, r"shape \(2, 3\): too many indices"),
    (lambda: M[[True, False, True]], IndexError, r"shape \(2, 3\): boolean index did not match"),
    (lambda: M[..., ...], IndexError, "single ellipsis"),
    (lambda: M[1.0], TypeError, "getitem: 1.0 is a float, expected an integer, a slice, None"),
    (lambda: M[0, 1.0], TypeError, "getitem: 1.0 is a float"),
    (lambda: M["a"], TypeError, "getitem: 'a' is a str"),
    (lambda: M[{0}], TypeError, "is a set"),
    (lambda: M[V], TypeError, "getitem: an index holds float32, expected integers or booleans"),
    (lambda: M[[0.0, 1.0]], TypeError, "an index holds float64"),
    (lambda: M[[[0], [0, 1]]], TypeError, "not a regular array"),
    (lambda: M[0.5:], TypeError, r"slice\(0.5, None, None\) is not an index, expected a slice of"),
    (lambda: M[T(0) :], TypeError, "is not an index, expected a slice of integers"),
    (lambda: M[::0], ValueError, "slice step cannot be zero"),
    (lambda: ops.getitem(M.numpy(), 0), TypeError, "getitem: x is a ndarray"),
    (lambda: assign(0), TypeError, "tensors are immutable: .* ops.where .* x.data"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "message"), BAD, ids=[f"{i}: {m}" for i, (_, _, m) in enumerate(BAD)]
)
def test_bad_input(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

"""Bad input of losses, metrics and activations: each wrong argument is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

T = mc.tensor
X = T([1.0, 2.0])
SCORES = T(np.zeros((2, 3)))
PAIRS = ["mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits"]
OF_CLASSES = {"nll_loss": "log_probs", "hinge_loss": "logits", "cross_entropy": "logits"}
ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "hardtanh",
               "scaled_tanh", "sigmoid", "tanh"]  # fmt: skip

Row = tuple[Callable[[], Any], str]


def pair_rows(name: str) -> list[Row]:
    op: Any = getattr(ops, name)
    return [
        (lambda: op([1.0, 2.0], X), f"{name}: input is a list, expected a Tensor"),
        (lambda: op(T([1, 2]), X), f"{name}: input is int64, expected floats"),
        (lambda: op(X, ["a", "b"]), f"{name}: target: expected a number, an array or a Tensor"),
        (lambda: op(X, None), f"{name}: target: expected a number"),
        (lambda: op(X, [[1.0], [2.0, 3.0]]), f"{name}: target: expected numbers, got an irregular"),
        (lambda: op(X, [[1.0], [2.0]]), rf"{name}: input has shape \(2,\) and target \(2, 1\)"),
        (lambda: op(X, 1.0), rf"{name}: .* and target \(\), expected the same shape"),
        (lambda: op(X, [1.0]), rf"{name}: .* and target \(1,\), expected the same shape"),
        (lambda: op(X, X, "avg"), f"{name}: reduction: got 'avg'"),
        (lambda: op(X, X, None), f"{name}: reduction: got None"),
    ]


def class_rows(name: str, scores: str) -> list[Row]:
    op: Any = getattr(ops, name)
    return [
        (lambda: op(SCORES.numpy(), [0, 1]), f"{name}: {scores} is a ndarray, expected a Tensor"),
        (lambda: op(T([[1, 2]]), [0]), f"{name}: {scores} is int64, expected floats"),
        (lambda: op(SCORES[0], 1), rf"{name}: {scores} have shape \(3,\), expected \(N, C, ...\)"),
        (lambda: op(SCORES[:, :0], [0, 0]), rf"{name}: {scores} have shape \(2, 0\), .* C of 1"),
        (lambda: op(SCORES, [0]), rf"{name}: target has shape \(1,\), expected \(2,\)"),
        (lambda: op(SCORES, [[0], [1]]), rf"{name}: target has shape \(2, 1\), expected \(2,\)"),
        (lambda: op(SCORES, [0, 3]), f"{name}: target holds class 3, but there are 3 classes"),
        (lambda: op(SCORES, [-1, 0]), f"{name}: target holds class -1"),
        (lambda: op(SCORES, [True, False]), f"{name}: target is bool, expected integers"),
        (lambda: op(SCORES, None), f"{name}: target: expected a number"),
        (lambda: op(SCORES, [0, 1], "avg"), f"{name}: reduction: got 'avg'"),
        (lambda: op(SCORES, [0, 1], weight=[1.0]), rf"{name}: weight has shape \(1,\), .*\(3,\)"),
        (lambda: op(SCORES, [0, 1], weight=["a"] * 3), f"{name}: weight: expected a number"),
    ]


def activation_rows(name: str) -> list[Row]:
    op: Any = getattr(ops, name)
    return [(lambda x=x: op(x), "expected a Tensor") for x in (np.ones(2), [1.0], None)]


BCE: Any = ops.binary_cross_entropy_with_logits
BAD: list[Row] = [
    *[row for name in PAIRS for row in pair_rows(name)],
    *[row for name, scores in OF_CLASSES.items() for row in class_rows(name, scores)],
    *[row for name in ACTIVATIONS for row in activation_rows(name)],
    (lambda: ops.huber_loss(X, X, delta=0), "huber_loss: delta: got 0, expected a number above 0"),
    (lambda: ops.huber_loss(X, X, delta=-1.0), "huber_loss: delta: got -1.0"),
    (lambda: ops.huber_loss(X, X, delta=np.nan), "huber_loss: delta: got nan"),
    (lambda: ops.huber_loss(X, X, delta="a"), "huber_loss: delta: got 'a', expected a number"),
    (lambda: BCE(X, X, weight=np.ones(3)), r"logits: weight has shape \(3,\), .* that fits \(2,\)"),
    (lambda: BCE(X, X, weight=np.ones((1, 2))), r"logits: weight has shape \(1, 2\), expected"),
    (lambda: BCE(X, X, pos_weight=np.ones(3)), r"logits: pos_weight has shape \(3,\), expected"),
    (lambda: BCE(X, X, pos_weight="a"), "logits: pos_weight: expected a number"),
    (lambda: BCE(X, X, weight=["a", "b"]), "logits: weight: expected a number"),
    (lambda: ops.nll_loss(SCORES, [0.0, 1.0]), "nll_loss: target is float64, expected integers"),
    (lambda: ops.hinge_loss(SCORES, [0.0, 1.0]), "hinge_loss: target is float64, expected"),
    (lambda: ops.hinge_loss(SCORES, [0, -100]), "hinge_loss: target holds class -100"),
    (lambda: ops.hinge_loss(SCORES, [0, 1], p=3), "hinge_loss: p: got 3, expected an integer"),
    (lambda: ops.hinge_loss(SCORES, [0, 1], p=True), "hinge_loss: p: got True"),
    (lambda: ops.hinge_loss(SCORES, [0, 1], p="1"), "hinge_loss: p: got '1'"),
    (lambda: ops.hinge_loss(SCORES, [0, 1], margin="a"), "hinge_loss: margin: got 'a'"),
    *[
        (lambda k=k: ops.topk_accuracy(SCORES, [0, 1], k), f"topk_accuracy: k: got {k!r}, expected")
        for k in (0, 4, -1, 1.0, True, None, "1")
    ],
    (lambda: ops.topk_accuracy(SCORES, [0, 3], 1), "topk_accuracy: target holds class 3"),
    (lambda: ops.topk_accuracy(SCORES, [0.0, 1.0], 1), "topk_accuracy: target is float64"),
    (lambda: ops.topk_accuracy(SCORES, [0], 1), r"topk_accuracy: target has shape \(1,\)"),
    (lambda: ops.topk_accuracy(SCORES[:0], [], 1), "topk_accuracy: .* not empty"),
    (lambda: ops.topk_accuracy([[1.0]], [0], 1), "topk_accuracy: logits is a list"),
    (lambda: ops.topk_accuracy(SCORES, None, 1), "topk_accuracy: target: expected a number"),
    (lambda: ops.leaky_relu(X, "a"), "leaky_relu: negative_slope: got 'a', expected a number"),
    (lambda: ops.elu(X, None), "elu: alpha: got None, expected a number"),
    (lambda: ops.gelu(X, "erf"), "gelu: approximate: got 'erf', expected 'none' or 'tanh'"),
    (lambda: ops.gelu(X, None), "gelu: approximate: got None"),
    (lambda: ops.softplus(X, 0), "softplus: beta: got 0, expected a number above 0"),
    (lambda: ops.softplus(X, -2), "softplus: beta: got -2"),
    (lambda: ops.softplus(X, np.nan), "softplus: beta: got nan"),
    (lambda: ops.softplus(X, "a"), "softplus: beta: got 'a', expected a number"),
    (lambda: ops.hardtanh(X, 1, 1), "hardtanh: min_val 1.0 is not below max_val 1.0"),
    (lambda: ops.hardtanh(X, max_val=-2.0), "hardtanh: min_val -1.0 is not below max_val -2.0"),
    (lambda: ops.hardtanh(X, np.nan), "hardtanh: min_val nan is not below"),
    (lambda: ops.hardtanh(X, "a"), "hardtanh: min_val: got 'a', expected a number"),
    (lambda: ops.hardtanh(X, -1, "a"), "hardtanh: max_val: got 'a', expected a number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"), BAD, ids=[f"{i}: {m}" for i, (_, m) in enumerate(BAD)]
)
def test_bad_input(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_targets_that_are_no_shares():
    x = mc.tensor(np.zeros(3, np.float32))
    for target, shown in (
        ([0, 255, 0], "0 to 255"),
        ([-1, 1, 1], "-1 to 1"),
        ([np.nan, 0, 1], "nan"),
    ):
        with pytest.raises(ValueError, match=f"target holds {shown}.*target / 255"):
            ops.binary_cross_entropy_with_logits(x, np.array(target, np.float32))


def test_one_hot_integers_get_the_way_out():
    for op in (ops.cross_entropy, ops.nll_loss):
        with pytest.raises(ValueError, match=r"one-hot rows are target.argmax\(1\), probabilities"):
            op(mc.tensor(np.zeros((2, 3), np.float32)), np.eye(3, dtype=int)[:2])

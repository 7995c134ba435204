"""One rule for integers: what ``operator.index`` takes is one, and a bool is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.data import transforms

X = mc.tensor(np.random.default_rng(0).random((2, 4, 8, 8), dtype=np.float32))
CUBE = mc.tensor(np.arange(8.0).reshape(2, 2, 2))
SCORES = mc.tensor(np.arange(6.0).reshape(2, 3))

SINGLE: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda n: CUBE.reshape(n, -1),
    "reshape by a list": lambda n: CUBE.reshape([n, 4]),
    "broadcast_to": lambda n: ops.broadcast_to(mc.tensor([[1.0]]), (1, n)),
    "sum_to": lambda n: ops.sum_to(mc.tensor(np.ones((2, 2))), [1, n]),
    "permute": lambda n: ops.permute(CUBE, 0, 1, n),
    "permute by a list": lambda n: ops.permute(CUBE, [n, 0, 1]),
    "transpose": lambda n: ops.transpose(CUBE, 0, n),
    "flatten": lambda n: ops.flatten(X, n),
    "split": lambda n: ops.split(X, n),
    "split in parts": lambda n: ops.split(X, [n]),
    "sum": lambda n: ops.sum(X, n),
    "argmax": lambda n: ops.argmax(X, n),
    "softmax": lambda n: ops.softmax(X, n),
    "stack": lambda n: ops.stack([X, X], n),
    "concatenate": lambda n: ops.concatenate([X, X], n),
    "var": lambda n: ops.var(X, correction=n),
    "one_hot": lambda n: ops.one_hot([0, 1], n),
    "topk_accuracy": lambda n: ops.topk_accuracy(SCORES, [0, 1], n),
    "hinge_loss": lambda n: ops.hinge_loss(SCORES, [0, 1], p=n),
    "cross_entropy": lambda n: ops.cross_entropy(SCORES, [0, 1], ignore_index=n),
    "nll_loss": lambda n: ops.nll_loss(SCORES, [0, 1], ignore_index=n),
    "layer_norm": lambda n: ops.layer_norm(CUBE, n),
    "local_response_norm": lambda n: ops.local_response_norm(X, n),
    "Conv2d": lambda n: nn.Conv2d(4, n, 3, groups=n)(X),
    "Linear": lambda n: nn.Linear(8, n)(X),
    "BatchNorm2d": lambda n: nn.BatchNorm2d(n)(X[:, :2]),
    "LayerNorm": lambda n: nn.LayerNorm([n])(CUBE.to("float32")),
    "manual_seed": lambda n: mc.manual_seed(n),
    "random_split": lambda n: mc.data.random_split(
        mc.data.ArrayDataset(np.zeros((8, 2, 2), np.uint8), np.zeros(8, int)), [n, 6]
    ),
    "ArrayDataset": lambda n: mc.data.ArrayDataset(
        np.zeros((8, 2, 2), np.uint8), np.zeros(8, int), classes=n
    ),
    "RandomShift": lambda n: transforms.RandomShift(n),
}
PAIRS: dict[str, Callable[[Any], Any]] = {
    "max_pool2d": lambda n: ops.max_pool2d(X, n),
    "avg_pool2d's stride": lambda n: ops.avg_pool2d(X, 2, n),
    "adaptive_avg_pool2d": lambda n: ops.adaptive_avg_pool2d(X, n),
    "im2col": lambda n: ops.im2col(X, n),
    "col2im": lambda n: ops.col2im(mc.tensor(np.ones((1, 1, 4))), n, 1),
    "pad2d": lambda n: ops.pad2d(X, n),
    "conv2d's dilation": lambda n: ops.conv2d(X, X[:, :, :2, :2], dilation=n),
    "Conv2d": lambda n: nn.Conv2d(4, 2, n)(X),
    "MaxPool2d": lambda n: nn.MaxPool2d(n)(X),
    "ZeroPad2d": lambda n: nn.ZeroPad2d(n)(X),
    "CenterCrop": lambda n: transforms.CenterCrop(n),
    "Resize": lambda n: transforms.Resize(n),
}


@pytest.mark.parametrize("name", SINGLE)
def test_integers_of_every_kind(name: str) -> None:
    for number in (2, np.int64(2), np.uint8(2), np.array(2)):
        SINGLE[name](number)


@pytest.mark.parametrize("name", [n for n in SINGLE if n != "random_split"])
@pytest.mark.parametrize("number", [True, np.True_, 2.0, "2", np.array(2.0)])
def test_what_is_no_integer(name: str, number: Any) -> None:
    if name == "ArrayDataset" and number == "2":
        return  # the name of one class
    with pytest.raises(TypeError, match=r"got|expected|0-d"):
        SINGLE[name](number)


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_every_kind(name: str) -> None:
    for pair in (2, np.int64(2), np.array(2), (2, 2), [2, 2], (np.int64(2), np.int32(2))):
        PAIRS[name](pair)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("pair", [True, (True, True), 2.0, (2, 2.0), "2", (2, 2, 2), None])
def test_what_is_no_pair(name: str, pair: Any) -> None:
    if (pair, name) == (None, "avg_pool2d's stride") or (pair == "2" and "ad2d" in name):
        return  # the size of the window, and the forms of a padding
    with pytest.raises(TypeError, match=r"got .*, expected"):
        PAIRS[name](pair)


@pytest.mark.parametrize("op", [ops.broadcast_to, ops.sum_to])
def test_a_shape_is_a_tuple(op: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="shape: got 2, expected a tuple of integers"):
        op(CUBE, 2)
    with pytest.raises(ValueError, match=r"shape\[1\]: got -1, expected an integer of 0 or more"):
        op(CUBE, (2, -1, 2))


def test_the_grid_of_a_picture() -> None:
    viz = pytest.importorskip("minicnn.viz")
    assert viz.subplots(np.int64(1), np.array(2))[1].shape == (2,)
    with pytest.raises(TypeError, match="subplots: rows: got True"):
        viz.subplots(True)

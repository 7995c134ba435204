"""Bad input: each op says what it got and expected; NumPy never speaks about something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

T = mc.tensor
X = T(np.ones((2, 4, 5, 5)))
W = T(np.ones((6, 4, 3, 3)))
LOGITS = T(np.zeros((2, 3)))
COLUMNS = T(np.ones((1, 4, 9)))
VECTOR = T([1.0, 2.0])
MATRIX = T([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

BAD: list[tuple[Callable[[], Any], str]] = [
    # conv2d
    (lambda: ops.conv2d(X[0], W), r"conv2d: x has shape \(4, 5, 5\), expected four axes"),
    (lambda: ops.conv2d(X.to("int64"), W), "conv2d: x is int64, expected floats"),
    (lambda: ops.conv2d(X, W.to("float32")), "conv2d: weight is float32 but x is float64"),
    (lambda: ops.conv2d(X, W, T(np.ones(6, "f4"))), "conv2d: bias is float32 but x is float64"),
    (lambda: ops.conv2d(X, W[:, :3]), r"x has 4 channels, but weight .* expects 3 \* 1 = 3"),
    (lambda: ops.conv2d(X, W, groups=2), r"with groups=2 expects 4 \* 2 = 8"),
    (lambda: ops.conv2d(X, W[:5, :2], groups=2), "5 output channels cannot be split into 2 groups"),
    (lambda: ops.conv2d(X, W, groups=0), "groups: got 0, expected an integer of 1 or more"),
    (lambda: ops.conv2d(X, W, groups=2.0), "groups: got 2.0, expected an integer"),
    (lambda: ops.conv2d(X, W, groups=True), "groups: got True, expected an integer"),
    (lambda: ops.conv2d(X, W, groups="2"), "groups: got '2', expected an integer"),
    (lambda: ops.conv2d(X, W[0]), r"weight has shape \(4, 3, 3\), expected four axes"),
    (lambda: ops.conv2d(X, W[:0]), r"weight has shape \(0, 4, 3, 3\), expected four axes of 1"),
    (lambda: ops.conv2d(X, W, T(np.ones(5))), r"bias has shape \(5,\), expected \(6,\)"),
    (lambda: ops.conv2d(X, W, T(np.ones((6, 1)))), r"bias has shape \(6, 1\), expected \(6,\)"),
    (lambda: ops.conv2d(X, W, dilation=3),
     "conv2d: a 3x3 kernel with dilation 3 spans 7 pixels, but the padded input is 5x5"),
    (lambda: ops.conv2d(X[:, :, :1], W, padding=((0, 1), (0, 0))), "padded input is 2x5"),
    (lambda: ops.conv2d(X, W, stride=0), "stride: got 0, expected 1 or more"),
    (lambda: ops.conv2d(X, W, stride=1.5), "stride: got 1.5, expected an integer"),
    (lambda: ops.conv2d(X, W, stride=None), "stride: got None, expected an integer"),
    (lambda: ops.conv2d(X, W, padding=-1), "padding: got -1, expected 0 or more"),
    (lambda: ops.conv2d(X, W, padding=None), "padding: got None, expected an integer"),
    (lambda: ops.conv2d(X, W, padding="full"), "padding: got 'full', expected \"valid\""),
    (lambda: ops.conv2d(X, W, padding_mode="mirror"), "mode: got 'mirror', expected 'zeros', "),
    (lambda: ops.conv2d(X, W, padding=5, padding_mode="reflect"), "gives at most 4"),
    (lambda: ops.conv2d(X[:, :, :0], W, padding=3), "unpadded 0x5"),
    # what is no Tensor
    (lambda: ops.conv2d(X.numpy(), W), "conv2d: x is a ndarray, expected a Tensor"),
    (lambda: ops.conv2d(X, W.numpy()), "weight is a ndarray, expected a Tensor"),
    (lambda: ops.conv2d(X, None), "weight is a NoneType, expected a Tensor"),
    (lambda: ops.conv2d(X, W, 2.0), "bias is a float, expected a Tensor"),
    (lambda: ops.conv2d(X, W, np.ones(6)), "bias is a ndarray, expected a Tensor"),
    (lambda: ops.conv_transpose2d(X, W[:4].numpy()), "weight is a ndarray, expected a Tensor"),
    (lambda: ops.max_pool2d(X.numpy(), 2), "max_pool2d: x is a ndarray, expected a Tensor"),
    (lambda: ops.pad2d([[1.0]], 2), "pad2d: x is a list, expected a Tensor"),
    (lambda: ops.linear(MATRIX.numpy(), MATRIX), "expected a Tensor"),
    (lambda: ops.linear(MATRIX, [[1.0]]), "expected a Tensor"),
    (lambda: ops.linear(MATRIX, MATRIX, 1.0), "expected a Tensor"),
    (lambda: ops.cross_entropy(LOGITS.numpy(), [0, 0]), "expected a Tensor"),
    (lambda: ops.col2im(COLUMNS.numpy(), 4, 2), "expected a Tensor"),
    (lambda: ops.softmax(np.ones((2, 2))), "expected a Tensor"),
    *[
        (lambda name=name, value=value: getattr(ops, name)(value), "expected a Tensor")
        for name in ("relu", "exp", "neg", "sum", "flatten", "max", "clip", "var")
        for value in (np.ones(2), [1.0])
    ],
    # conv_transpose2d
    (lambda: ops.conv_transpose2d(X, W), r"x has 4 channels and weight shape \(6, 4, 3, 3\)"),
    (lambda: ops.conv_transpose2d(X, W[:4], groups=3), "with C = 4 divisible by groups=3"),
    (lambda: ops.conv_transpose2d(X[0], W), "conv_transpose2d: x has shape"),
    (lambda: ops.conv_transpose2d(X, W[:4], output_padding=1), r"output_padding \(1, 1\) must be"),
    (lambda: ops.conv_transpose2d(X, W[:4], output_padding=-1), "output_padding: got -1"),
    (lambda: ops.conv_transpose2d(X, W[:4], padding=4), "would give -1x-1 pixels"),
    (lambda: ops.conv_transpose2d(X, W[:4], padding="same"), "'same', expected numbers here"),
    (lambda: ops.conv_transpose2d(X, W[:4], T(np.ones(3))), r"bias has shape \(3,\), expected \(4"),
    (lambda: ops.conv_transpose2d(X, W[:4].to("float32")), "weight is float32 but x is float64"),
    (lambda: ops.conv_transpose2d(X[:, :, :0], W[:4]), "a 0x5 input"),
    # im2col and col2im
    (lambda: ops.im2col(X, 6), "im2col: a 6x6 kernel .* 5x5"),
    (lambda: ops.im2col(X, 2.0), "kernel_size: got 2.0"),
    (lambda: ops.col2im(COLUMNS, 4, 3), r"\(1, 4, 9\), expected \(N, C·9, 4\): 2x2 places of 3x3"),
    (lambda: ops.col2im(COLUMNS[0], 4, 2), r"columns have shape \(4, 9\)"),
    (lambda: ops.col2im(COLUMNS, (4, 4.0), 2), "output_size: got"),
    (lambda: ops.col2im(COLUMNS, 0, 2), "output_size: got 0"),
    (lambda: ops.col2im(COLUMNS.to("int64"), 4, 2), "col2im: .* int64, expected floats"),
    # pooling and padding
    *[
        (lambda op=op, args=args: op(X, *args), message)
        for op in (ops.max_pool2d, ops.avg_pool2d)
        for args, message in (
            ((0,), "kernel_size: got 0, expected 1 or more"),
            ((2.0,), "kernel_size: got 2.0, expected an integer"),
            (("2",), "kernel_size: got '2'"),
            ((None,), "kernel_size: got None"),
            ((True,), "kernel_size: got True"),
            ((2, 0), "stride: got 0"),
            ((2, 1, -1), "padding: got -1"),
            ((2, 1, 2), "hold no pixel of the 5x5 input"),
            ((6,), "a 6x6 kernel .*, but the padded input is 5x5"),
        )
    ],
    (lambda: ops.max_pool2d(X[0], 2), r"max_pool2d: x has shape \(4, 5, 5\)"),
    (lambda: ops.avg_pool2d(X.to("int64"), 2), "avg_pool2d: x is int64"),
    (lambda: ops.max_pool2d(X, 2, dilation=0), "dilation: got 0"),
    (lambda: ops.avg_pool2d(X, 2, divisor_override="a"), "avg_pool2d: divisor_override: got 'a'"),
    (lambda: ops.pad2d(X, 1, "mirror"), "pad2d: mode: got 'mirror', expected 'zeros', 'constant'"),
    (lambda: ops.pad2d(X, 1, None), "mode: got None, expected 'zeros'"),
    (lambda: ops.pad2d(X, "same"), "padding: got 'same', expected numbers here"),
    (lambda: ops.pad2d(X, 1.0), "padding: got 1.0"),
    (lambda: ops.pad2d(X, -3), "5 pixels -3 -3 leave nothing"),
    (lambda: ops.pad2d(X, 5, "reflect"), "got 5 in mode 'reflect', .* 5 pixels gives at most 4"),
    (lambda: ops.pad2d(X, 6, "circular"), "gives at most 5"),
    (lambda: ops.pad2d(X, 1, "constant", "a"), "pad2d: value: got 'a'"),
    # linear and matmul
    (lambda: ops.linear(MATRIX, T([[1.0, 2.0]])), r"x has shape \(2, 3\) and weight \(1, 2\)"),
    (lambda: ops.linear(MATRIX, T([1.0, 2.0, 3.0])), r"weight \(3,\), expected"),
    (lambda: ops.linear(T(1.0), MATRIX), r"x has shape \(\)"),
    (lambda: ops.linear(MATRIX, MATRIX, T([1.0])), r"bias has shape \(1,\), expected \(2,\)"),
    (lambda: ops.linear(MATRIX, MATRIX.to("float64")), "weight is float64 but x is float32"),
    (lambda: ops.linear(MATRIX.to("int64"), MATRIX), "linear: x is int64"),
    (lambda: ops.matmul(MATRIX, MATRIX), r"matmul: shapes \(2, 3\) @ \(2, 3\) do not fit"),
    (lambda: ops.matmul(T(1.0), MATRIX), r"matmul: shapes \(\) @"),
    (lambda: ops.matmul(T(np.ones((2, 1, 1))), T(np.ones((3, 1, 1)))), "matmul: shapes .* not fit"),
    # shapes
    (lambda: ops.reshape(X, 3, -1), r"\(2, 4, 5, 5\) has 200 elements, \(3, -1\) does not"),
    (lambda: ops.reshape(T(np.ones((0, 2))), 0, -1), "the -1 could be any length"),
    (lambda: ops.reshape(X, -1, -1), "one length may be -1"),
    (lambda: ops.reshape(X, 2.0, 100), "reshape: .*2.0"),
    (lambda: ops.reshape(X, None), "reshape: .*None"),
    (lambda: ops.flatten(X, 4), "axis: got 4, but shape"),
    (lambda: ops.permute(X, 0, 1, 2), "expected each axis once"),
    (lambda: ops.permute(X, 0, 1, 2, 2), "expected each axis once"),
    (lambda: ops.transpose(X, 0, 4), "axis: got 4, but shape .* has 4 axes"),
    (lambda: ops.broadcast_to(VECTOR, (3,)), r"\(2,\).*\(3,\)"),
    (lambda: ops.sum_to(MATRIX, (3, 2)), r"sum_to: .*\(2, 3\).*\(3, 2\)"),
    (lambda: ops.sum_to(VECTOR, (1, 2)), r"sum_to: .*\(2,\).*\(1, 2\)"),
    (lambda: ops.transpose(X, "a", 0), "axis: got 'a', expected an integer"),
    (lambda: ops.flatten(X, True), "axis: got True, expected an integer"),
    (lambda: VECTOR * [[1], [1, 2]], "expected numbers, got an irregular array"),
    (lambda: ops.clip(VECTOR), "clip: low and high are both None"),
    (lambda: ops.clip(VECTOR, "a"), "clip: low: got 'a'"),
    (lambda: ops.softmax(VECTOR), r"softmax: axis: got 1, but shape \(2,\) has 1 axes"),
    (lambda: ops.softmax(MATRIX, "a"), "softmax: axis: got 'a', expected an integer"),
    (lambda: ops.log_softmax(T(np.ones((2, 0)))), r"log_softmax: axis 1 .* has no elements"),
    # losses
    (lambda: ops.cross_entropy(LOGITS, [0, 3]), "target holds class 3, but there are 3 classes"),
    (lambda: ops.cross_entropy(LOGITS, [0, -1]), "target holds class -1"),
    (lambda: ops.cross_entropy(LOGITS, [0]), r"target has shape \(1,\), expected \(2,\)"),
    (lambda: ops.cross_entropy(LOGITS, [0.0, 1.0]), r"expected \(2, 3\), that of the logits"),
    (lambda: ops.cross_entropy(LOGITS, [True, False]), "target is bool, expected integers"),
    (lambda: ops.cross_entropy(LOGITS, ["a", "b"]), "target: expected a number, an array"),
    (lambda: ops.cross_entropy(LOGITS, None), "target: expected a number"),
    (lambda: ops.cross_entropy(LOGITS, [0, 1], "avg"), "reduction: got 'avg', expected 'mean'"),
    (lambda: ops.cross_entropy(LOGITS, [0, 1], None), "reduction: got None"),
    (lambda: ops.cross_entropy(LOGITS, [0, 1], label_smoothing=1.5), "label_smoothing: got 1.5"),
    (lambda: ops.cross_entropy(LOGITS, [0, 1], label_smoothing="a"), "label_smoothing: got 'a'"),
    (lambda: ops.cross_entropy(LOGITS, [0, 1], weight=[1, 2]), r"weight has shape \(2,\)"),
    (lambda: ops.cross_entropy(LOGITS, [0, 1], weight=["a"] * 3), "cross_entropy: weight"),
    (lambda: ops.cross_entropy(LOGITS.to("int64"), [0, 1]), "int64, expected floats"),
    (lambda: ops.cross_entropy(LOGITS[:, :0], [0, 0]), r"logits have shape \(2, 0\), .* C of 1"),
    (lambda: ops.cross_entropy(LOGITS[0], 1), r"logits have shape \(3,\), expected \(N, C"),
    (lambda: ops.one_hot([0.5], 2), "one_hot: target is float64, expected integers"),
    (lambda: ops.one_hot([True], 2), "one_hot: target is bool, expected integers"),
    (lambda: ops.one_hot([2], 2), "target holds class 2, but there are 2 classes: 0 to 1"),
    (lambda: ops.one_hot([1], 2.5), "one_hot: num_classes: got 2.5"),
    (lambda: ops.accuracy(LOGITS, [0]), r"accuracy: target has shape \(1,\), expected \(2,\)"),
    (lambda: ops.accuracy(LOGITS[:0], []), "not empty"),
    (lambda: ops.accuracy(LOGITS, [[0], [1]]), r"\(2, 1\), expected .*; write target\[:, 0\]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"), BAD, ids=[f"{i}: {m}" for i, (_, m) in enumerate(BAD)]
)
def test_bad_input(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_an_image_without_pixels_can_be_padded() -> None:
    assert ops.pad2d(T(np.ones((1, 1, 0, 3))), 1, "constant", 7).shape == (1, 1, 2, 5)

"""Bad input to pooling, padding, normalisation and dropout: the message says what to change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops

T = mc.tensor
X = T(np.ones((2, 4, 5, 5)))
X32 = X.to("float32")
C = T(np.ones(4))
RUNNING = {"running_mean": C, "running_var": C}
AT = T(np.zeros((2, 4, 5, 5), int))
NAN, INF = float("nan"), float("inf")
PAIR = "expected an integer or a pair of integers"
PIXELS = "expected an integer, a pair of integers, or two pairs ((top, bottom), (left, right))"

WINDOWED: dict[str, Callable[..., Any]] = {
    "max_pool2d": ops.max_pool2d,
    "min_pool2d": ops.min_pool2d,
    "avg_pool2d": ops.avg_pool2d,
    "lp_pool2d": lambda x, kernel, stride=None, padding=0: ops.lp_pool2d(
        x, 2, kernel, stride, padding=padding
    ),
    "max_unpool2d": lambda x, *a: ops.max_unpool2d(x, AT, *a),
}
WINDOWS: list[tuple[tuple[Any, ...], str]] = [
    ((0,), "kernel_size: got 0, expected 1 or more"),
    (((2, -1),), "kernel_size: got (2, -1), expected 1 or more"),
    ((2.0,), f"kernel_size: got 2.0, {PAIR}"),
    ((None,), f"kernel_size: got None, {PAIR}"),
    (("2",), f"kernel_size: got '2', {PAIR}"),
    ((True,), f"kernel_size: got True, {PAIR}"),
    (((2, 2, 2),), f"kernel_size: got (2, 2, 2), {PAIR}"),
    ((2, 0), "stride: got 0, expected 1 or more"),
    ((2, -1), "stride: got -1, expected 1 or more"),
    ((2, 1.5), f"stride: got 1.5, {PAIR}"),
    ((2, "1"), f"stride: got '1', {PAIR}"),
    ((2, 1, -1), "padding: got -1, expected 0 or more"),
    ((2, 1, ((0, -1), (0, 0))), "padding: got ((0, -1), (0, 0)), expected 0 or more"),
    ((2, 1, 1.5), f"padding: got 1.5, {PIXELS}"),
    ((2, 1, None), f"padding: got None, {PIXELS}"),
    (
        (2, 1, (1, 2, 3, 4)),
        f"padding: got (1, 2, 3, 4), {PIXELS}; "
        "PyTorch's (left, right, top, bottom) is written ((3, 4), (1, 2))",
    ),
]
POOLED: list[tuple[tuple[Any, ...], str]] = [
    ((2, 1, "full"), 'padding: got \'full\', expected "valid", "same" or numbers'),
    ((2, 1, 2), "with padding 2 some windows of size 2 hold no pixel of the 5x5 input, only"),
    ((2, 1, ((0, 0), (2, 0))), "with padding ((0, 0), (2, 0)) some windows of size 2 hold no"),
    ((6,), "a 6x6 kernel does not fit, but the padded input is 5x5"),
]
IMAGE_OPS: dict[str, Callable[[Any], Any]] = {
    **{name: lambda x, op=op: op(x, 2) for name, op in WINDOWED.items()},
    "global_max_pool2d": ops.global_max_pool2d,
    "global_min_pool2d": ops.global_min_pool2d,
    "global_avg_pool2d": ops.global_avg_pool2d,
    "adaptive_avg_pool2d": lambda x: ops.adaptive_avg_pool2d(x, 2),
    "adaptive_max_pool2d": lambda x: ops.adaptive_max_pool2d(x, 2),
    "pad2d": lambda x: ops.pad2d(x, 1),
    "dropout2d": ops.dropout2d,
    "local_response_norm": lambda x: ops.local_response_norm(x, 5),
}
ANY_SHAPE: dict[str, Callable[[Any], Any]] = {
    "dropout": ops.dropout,
    "batch_norm": lambda x: ops.batch_norm(x, C, C),
    "layer_norm": lambda x: ops.layer_norm(x, 5),
}


def refuses(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        call()


@pytest.mark.parametrize("name", WINDOWED)
def test_windows(name: str) -> None:
    op = WINDOWED[name]
    for arguments, message in [*WINDOWS, *([] if name == "max_unpool2d" else POOLED)]:
        refuses(lambda a=arguments: op(X, *a), f"{name}: {message}")


@pytest.mark.parametrize("name", IMAGE_OPS)
def test_images_are_tensors_of_floats_with_four_axes(name: str) -> None:
    op = IMAGE_OPS[name]
    refuses(lambda: op(X[0]), f"{name}: x has shape (4, 5, 5), expected four axes (N, C, H, W)")
    refuses(lambda: op(T(1.0)), f"{name}: x has shape (), expected four axes")


@pytest.mark.parametrize("name", [*IMAGE_OPS, *ANY_SHAPE])
def test_inputs_are_tensors_of_floats(name: str) -> None:
    op = (IMAGE_OPS | ANY_SHAPE)[name]
    see = "expected a Tensor; see minicnn.tensor()"
    refuses(lambda: op(X.numpy()), f"{name}: x is a ndarray, {see}")
    refuses(lambda: op([[1.0]]), f"{name}: x is a list, {see}")
    refuses(lambda: op(None), f"{name}: x is a NoneType, {see}")
    for dtype in ("int64", "bool"):
        message = f"{name}: x is {dtype}, expected floats; convert it with x.to('float32')"
        refuses(lambda d=dtype: op(T(X.numpy().astype(d))), message)


@pytest.mark.parametrize("name", [n for n in IMAGE_OPS if "global" in n or "adaptive" in n])
@pytest.mark.parametrize("shape", [(2, 4, 0, 5), (2, 4, 5, 0)])
def test_images_without_pixels(name: str, shape: tuple[int, ...]) -> None:
    message = f"{name}: x has shape {shape}, expected images with pixels"
    refuses(lambda: IMAGE_OPS[name](T(np.ones(shape))), message)


@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d", "max_unpool2d"])
def test_output_sizes(name: str) -> None:
    op: Callable[[Any], Any] = (
        (lambda size: ops.max_unpool2d(X, AT, 2, output_size=size))
        if name == "max_unpool2d"
        else (lambda size: getattr(ops, name)(X, size))
    )
    for size in (0, -1, (0, 3)):
        refuses(lambda s=size: op(s), f"{name}: output_size: got {size}, expected 1 or more")
    for size in (1.5, "3", True, (), (1,), (1, 2, 3), (1, 2.0)):
        refuses(lambda s=size: op(s), f"{name}: output_size: got {size!r}, {PAIR}")
    if name != "max_unpool2d":
        refuses(lambda: op(None), f"{name}: output_size: got None, {PAIR}")
        refuses(lambda: op((None, 0)), f"{name}: output_size: got (5, 0), expected 1 or more")


BAD: list[tuple[Callable[[], Any], str]] = [
    # what single pools take
    *[
        (lambda op=op, d=d: op(X, 2, dilation=d), message)
        for op in (ops.max_pool2d, ops.min_pool2d)
        for d, message in (
            (0, f"{op.__name__}: dilation: got 0, expected 1 or more"),
            (1.5, f"{op.__name__}: dilation: got 1.5, {PAIR}"),
            (5, f"{op.__name__}: a 2x2 kernel with dilation 5 spans 6 pixels, but the padded"),
        )
    ],
    (lambda: ops.avg_pool2d(X, 2, divisor_override=0), "avg_pool2d: divisor_override: got 0, exp"),
    (lambda: ops.avg_pool2d(X, 2, divisor_override="a"), "avg_pool2d: divisor_override: got 'a'"),
    (lambda: ops.avg_pool2d(X, 2, divisor_override=True), "avg_pool2d: divisor_override: got True"),
    *[
        (lambda p=p: ops.lp_pool2d(X, p, 2),
         f"lp_pool2d: norm_type: got {p}, expected a number above 0")
        for p in (0, -1, INF, -INF, NAN)
    ],
    *[
        (lambda p=p: ops.lp_pool2d(X, p, 2), f"lp_pool2d: norm_type: got {p!r}, expected a number")
        for p in ("a", None, True, (2, 2))
    ],
    # max_unpool2d
    (lambda: ops.max_unpool2d(X, AT.numpy(), 2), "max_unpool2d: indices is a ndarray, expected a"),
    (lambda: ops.max_unpool2d(X, None, 2), "max_unpool2d: indices is a NoneType, expected a Tens"),
    (lambda: ops.max_unpool2d(X, X, 2), "max_unpool2d: indices are float64, expected integers"),
    (lambda: ops.max_unpool2d(X, X > 0, 2), "max_unpool2d: indices are bool, expected integers"),
    (lambda: ops.max_unpool2d(X, AT[:1], 2),
     "max_unpool2d: indices has shape (1, 4, 5, 5), expected (2, 4, 5, 5), that of x"),
    (lambda: ops.max_unpool2d(X, AT - 1, 2),
     "max_unpool2d: indices hold -1, but a map of 10x10 pixels has 0 to 99"),
    (lambda: ops.max_unpool2d(X, AT + 100, 2), "max_unpool2d: indices hold 100, but a map of 10x"),
    (lambda: ops.max_unpool2d(X, AT + 99, 2, output_size=(9, 11)),
     "max_unpool2d: indices hold 99, but a map of 9x11 pixels has 0 to 98"),
    (lambda: ops.max_unpool2d(X, AT, 2, padding="same"), "max_unpool2d: padding: got 'same', expe"),
    (lambda: ops.max_unpool2d(X, AT, 2, padding=5), "max_unpool2d: a 5x5 input, kernel (2, 2), "),
    # pad2d
    (lambda: ops.pad2d(X, (1, 2, 3, 4)),
     f"pad2d: padding: got (1, 2, 3, 4), {PIXELS}; "
     "PyTorch's (left, right, top, bottom) is written ((3, 4), (1, 2))"),
    *[
        (lambda p=p: ops.pad2d(X, p), f"pad2d: padding: got {p!r}, {PIXELS}")
        for p in (1.5, None, (1,), ((1, 2, 3), (1, 2)))
    ],
    (lambda: ops.pad2d(X, "same"), "pad2d: padding: got 'same', expected numbers here"),
    (lambda: ops.pad2d(X, -3), "pad2d: padding: 5 pixels -3 -3 leave nothing"),
    (lambda: ops.pad2d(X, ((0, 0), (0, -5))), "pad2d: padding: 5 pixels +0 -5 leave nothing"),
    (lambda: ops.pad2d(X, 5, "reflect"),
     "pad2d: padding: got 5 in mode 'reflect', but an axis of 5 pixels gives at most 4"),
    (lambda: ops.pad2d(X, (0, 6), "circular"),
     "pad2d: padding: got 6 in mode 'circular', but an axis of 5 pixels gives at most 5"),
    (lambda: ops.pad2d(X[:, :, :0], 1, "replicate"),
     "pad2d: padding: got 1 in mode 'replicate', but an axis of 0 pixels gives at most 0"),
    (lambda: ops.conv2d(X, T(np.ones((4, 4, 3, 3))), padding=5, padding_mode="reflect"),
     "conv2d: padding: got 5 in mode 'reflect', but an axis of 5 pixels gives at most 4"),
    (lambda: ops.pad2d(X, 1, "edge"),
     "pad2d: mode: got 'edge', expected 'zeros', 'constant', 'reflect', 'replicate' or 'circular'"),
    (lambda: ops.pad2d(X, 1, 0), "pad2d: mode: got 0, expected 'zeros'"),
    (lambda: ops.pad2d(X, 1, "constant", "a"), "pad2d: value: got 'a', expected a number"),
    # batch_norm
    *[
        (lambda m=m: ops.batch_norm(X, C, C, momentum=m), f"batch_norm: momentum: got {m!r}, exp")
        for m in ("a", None, True, -0.1, 1.5, NAN)
    ],
    *[
        (lambda op=op, e=e: op(e), f"{name}: eps: got {e!r}, expected a number")
        for name, op in (
            ("batch_norm", lambda e: ops.batch_norm(X, C, C, eps=e)),
            ("layer_norm", lambda e: ops.layer_norm(X, 5, eps=e)),
        )
        for e in ("a", None, True, 0, -1e-5, NAN)
    ],
    (lambda: ops.batch_norm(X, C, None), "batch_norm: running_mean and running_var go together"),
    (lambda: ops.batch_norm(X, None, C), "batch_norm: running_mean and running_var go together"),
    *[
        (lambda name=name, v=v: ops.batch_norm(X, **(RUNNING | {name: v})),
         f"batch_norm: {name} {message}")
        for name in ("running_mean", "running_var", "weight", "bias")
        for v, message in (
            (T(np.ones(3)), "has shape (3,), expected (4,), the channels of x (2, 4, 5, 5)"),
            (T(np.ones((4, 1))), "has shape (4, 1), expected (4,)"),
            (C.to("float32"), "is float32 but x is float64, expected the same; convert with"),
            (np.ones(4), "is a ndarray, expected a Tensor"),
            (1.0, "is a float, expected a Tensor"),
        )
    ],
    (lambda: ops.batch_norm(X, C, C, num_batches_tracked=C),
     "batch_norm: num_batches_tracked has shape (4,), expected ()"),
    (lambda: ops.batch_norm(X, C, C, num_batches_tracked=T(np.array(0.0))),
     "batch_norm: num_batches_tracked is float64, expected int64"),
    (lambda: ops.batch_norm(X, C, C, num_batches_tracked=0),
     "batch_norm: num_batches_tracked is a int, expected a Tensor"),
    (lambda: ops.batch_norm(C, C, C), "batch_norm: x has shape (4,), expected (N, C, ...)"),
    (lambda: ops.batch_norm(X[:1, :, 0, 0], None, None),
     "batch_norm: x has shape (1, 4), which is 1 per channel, expected 2 or more"),
    (lambda: ops.batch_norm(X[:1, :, :1, :1], C, C, training=True), "batch_norm: x has shape (1, "),
    (lambda: ops.batch_norm(X[:0], C, C, training=True), "batch_norm: x has shape (0, 4, 5, 5), w"),
    # layer_norm
    (lambda: ops.layer_norm(X, 4),
     "layer_norm: x has shape (2, 4, 5, 5), expected one that ends with normalized_shape (4,)"),
    *[
        (lambda n=n: ops.layer_norm(X, n),
         f"layer_norm: normalized_shape: got {n!r}, expected an integer of 1 or more")
        for n in (5.0, "5", None, True)
    ],
    (lambda: ops.layer_norm(X, ()), "layer_norm: normalized_shape: got (), expected one integer"),
    (lambda: ops.layer_norm(X, (5, 5.0)), "layer_norm: normalized_shape: got 5.0, expected an int"),
    (lambda: ops.layer_norm(X, (5, -1)), "layer_norm: normalized_shape: got -1, expected an integ"),
    (lambda: ops.layer_norm(X[..., :0], 0), "layer_norm: normalized_shape: got 0, expected an int"),
    (lambda: ops.layer_norm(X, 5, C), "layer_norm: weight has shape (4,), expected (5,)"),
    (lambda: ops.layer_norm(X, (5, 5), None, T(np.ones(5))), "layer_norm: bias has shape (5,), e"),
    (lambda: ops.layer_norm(X, 5, T(np.ones(5, "f4"))), "layer_norm: weight is float32 but x is"),
    (lambda: ops.layer_norm(X, 5, np.ones(5)), "layer_norm: weight is a ndarray, expected a Tens"),
    # local_response_norm
    *[
        (lambda n=n: ops.local_response_norm(X, n), f"local_response_norm: size: got {n!r}, exp")
        for n in (0, -1, 2.5, "5", None, True)
    ],
    *[
        (lambda name=name, v=v: ops.local_response_norm(X, 5, **{name: v}),
         f"local_response_norm: {name}: got {v!r}, expected")
        for name in ("alpha", "beta", "k")
        for v in ("a", None, True)
    ],
    *[
        (lambda k=k: ops.local_response_norm(X, 5, k=k),
         f"local_response_norm: k: got {k!r}, expected a number above 0")
        for k in (0, -1, NAN)
    ],
    (lambda: ops.local_response_norm(X, 5, -1.0), "local_response_norm: alpha: got -1.0, exp"),
    # dropout
    *[
        (lambda op=op, p=p: op(X, p), f"{name}: p: got {p!r}, expected a number from 0 to 1")
        for name, op in (
            ("dropout", ops.dropout),
            ("dropout2d", ops.dropout2d),
            ("Dropout", lambda _, p: nn.Dropout(p)),
            ("Dropout2d", lambda _, p: nn.Dropout2d(p)),
        )
        for p in (-0.1, 1.5, NAN)
    ],
    *[
        (lambda op=op, p=p: op(X, p), f"{op.__name__}: p: got {p!r}, expected a number")
        for op in (ops.dropout, ops.dropout2d)
        for p in ("a", None, True)
    ],
    # layers: what they refuse before they see an image, and in their own name
    (lambda: nn.Dropout("a"), "Dropout: p: got 'a', expected a number"),
    (lambda: nn.Dropout(True), "Dropout: p: got True, expected a number"),
    (lambda: nn.ZeroPad2d((1, 2, 3, 4)), "ZeroPad2d: padding: got (1, 2, 3, 4), expected"),
    (lambda: nn.ReflectionPad2d("same"), "ReflectionPad2d: padding: got 'same', expected numbers"),
    (lambda: nn.ConstantPad2d(1.5, 0.0), "ConstantPad2d: padding: got 1.5, expected"),
    (lambda: nn.ConstantPad2d(1, "a"), "ConstantPad2d: value: got 'a', expected a number"),
    (lambda: nn.BatchNorm2d(0), "BatchNorm2d: num_features: got 0, expected an integer of 1 or"),
    (lambda: nn.BatchNorm1d("4"), "BatchNorm1d: num_features: got '4', expected an integer of 1"),
    (lambda: nn.BatchNorm2d(4)(X32[0]), "BatchNorm2d: x has shape (4, 5, 5), expected (N, C, H"),
    (lambda: nn.BatchNorm1d(4)(X32), "BatchNorm1d: x has shape (2, 4, 5, 5), expected (N, C) or"),
    (lambda: nn.BatchNorm2d(3)(X32), "batch_norm: running_mean has shape (3,), expected (4,), the"),
    (lambda: nn.BatchNorm2d(4)(X), "batch_norm: running_mean is float32 but x is float64, expect"),
    (lambda: nn.BatchNorm2d(4)([1.0]), "BatchNorm2d: x is a list, expected a Tensor"),
    (lambda: nn.LayerNorm(()), "LayerNorm: normalized_shape is empty, expected one axis or more"),
    (lambda: nn.LayerNorm((2, 0)), "LayerNorm: normalized_shape: got 0, expected an integer of 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"), BAD, ids=[f"{i}: {m}" for i, (_, m) in enumerate(BAD)]
)
def test_bad_input(call: Callable[[], Any], message: str) -> None:
    refuses(call, message)


def test_a_refused_batch_moves_nothing() -> None:
    layer = nn.BatchNorm1d(4)
    before = layer.state_dict()
    refuses(lambda: layer(X32[:1, :, 0, 0]), "batch_norm: x has shape (1, 4)")
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])

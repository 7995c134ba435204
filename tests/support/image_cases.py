"""The cases of the image ops for test_every_op.py: their oracles are plain loops or NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import minicnn as mc
from minicnn import ops
from minicnn.backend.geometry import make_window
from minicnn.testing import strategies

Array = NDArray[Any]
Draw = st.DrawFn
Case = tuple[list[mc.Tensor], Callable[..., mc.Tensor], Callable[..., Any]]
"""A drawn call: the inputs as Tensors, the op of them, and its oracle of arrays."""
Range = tuple[float, float]


def numbers(draw: Draw, shape: tuple[int, ...], within: Range = (-2, 2)) -> mc.Tensor:
    """Distinct numbers away from 0 and +-1, where some ops are not smooth, in any memory order."""
    low, high = within
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = math.prod(shape)
    x = low + (high - low) * (rng.permutation(size) + 0.5 + 0.1 * rng.random(size)) / max(size, 1)
    for kink in (-1.0, 0.0, 1.0):
        x = np.where(np.abs(x - kink) < 0.02, x + 0.05, x)
    x = x.reshape(shape)
    order = draw(st.sampled_from(["C", "F", "strided"]))
    if order == "strided" and shape:
        x = np.repeat(x, 2, -1)[..., ::2]
    return mc.Tensor(np.asarray(x, order="F" if order == "F" else None), requires_grad=True)


def see(x: Array, kernel: Any, options: dict[str, Any]) -> Any:
    """Walk over the places: (oh, ow, the taps (kh, kw, pixels (N, C)) that are no padding)."""
    window = make_window("oracle", x.shape[2:], kernel, **options)
    for oh, ow in np.ndindex(*window.output_size):
        seen = []
        for kh, kw in np.ndindex(*window.kernel_size):
            ih = oh * window.stride[0] + kh * window.dilation[0] - window.padding[0][0]
            iw = ow * window.stride[1] + kw * window.dilation[1] - window.padding[1][0]
            if 0 <= ih < x.shape[2] and 0 <= iw < x.shape[3]:
                seen.append((kh, kw, ih, iw))
        yield window, oh, ow, seen


def loop_conv2d(
    x: Array, weight: Array, bias: Array | None = None, *, groups: int = 1, **options: Any
) -> Array:
    outputs, per_group = weight.shape[0], weight.shape[1]
    y = None
    for window, oh, ow, seen in see(x, weight.shape[2:], options):
        y = np.zeros((x.shape[0], outputs, *window.output_size)) if y is None else y
        for o in range(outputs):
            first = o // (outputs // groups) * per_group
            for kh, kw, ih, iw in seen:
                y[:, o, oh, ow] += x[:, first : first + per_group, ih, iw] @ weight[o, :, kh, kw]
            y[:, o, oh, ow] += 0 if bias is None else bias[o]
    return y


def conv2d(draw: Draw) -> Case:
    x, weight, bias, options = draw(strategies.conv2d_cases(max_size=5, min_batch=0))
    inputs = [x, weight] if bias is None else [x, weight, bias]
    return (inputs, lambda *a: ops.conv2d(*a, **options), lambda *a: loop_conv2d(*a, **options))


def conv_transpose2d(draw: Draw) -> Case:
    p, stride, dilation = draw(st.integers(0, 1)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    groups, extra = draw(st.integers(1, 2)), draw(st.integers(0, max(stride, dilation) - 1))
    n, c, o, h, w, k = (draw(st.integers(1, 3)) for _ in range(6))
    size = [(s - 1) * stride - 2 * p + dilation * (k - 1) + 1 + extra for s in (h, w)]
    if min(size) < 1:
        p, size = 0, [s + 2 * p for s in size]
    x = numbers(draw, (n, c * groups, h, w))
    weight, bias = numbers(draw, (c * groups, o, k, k)), numbers(draw, (o * groups,))

    def oracle(x: Array, weight: Array, bias: Array) -> Array:
        """Stamp the kernel, scaled by each pixel, onto a canvas; then cut the padding off."""
        y = np.zeros((n, o * groups, size[0] + 2 * p, size[1] + 2 * p))
        for i, j, kh, kw, ci in np.ndindex(h, w, k, k, c * groups):
            first = ci // c * o
            stamp = x[:, ci, i, j, None] * weight[ci, :, kh, kw]
            y[:, first : first + o, i * stride + kh * dilation, j * stride + kw * dilation] += stamp
        return y[:, :, p : p + size[0], p : p + size[1]] + bias[:, None, None]

    options = {
        "stride": stride,
        "padding": p,
        "output_padding": extra,
        "groups": groups,
        "dilation": dilation,
    }
    return ([x, weight, bias], lambda *a: ops.conv_transpose2d(*a, **options), oracle)


def loop_im2col(x: Array, kernel: Any, **options: Any) -> Array:
    columns = None
    for window, oh, ow, seen in see(x, kernel, options):
        shape = (*x.shape[:2], *window.kernel_size, *window.output_size)
        columns = np.zeros(shape) if columns is None else columns
        for kh, kw, ih, iw in seen:
            columns[:, :, kh, kw, oh, ow] = x[:, :, ih, iw]
    n, c, kh, kw, oh, ow = columns.shape
    return columns.reshape(n, c * kh * kw, oh * ow)


def loop_col2im(columns: Array, size: Any, kernel: Any, **options: Any) -> Array:
    like = np.zeros((columns.shape[0], columns.shape[1] // math.prod(kernel), *size))
    parts = columns.reshape(*like.shape[:2], *kernel, columns.shape[2])
    for place, (_, _, _, seen) in enumerate(see(like, kernel, options)):
        for kh, kw, ih, iw in seen:
            like[:, :, ih, iw] += parts[:, :, kh, kw, place]
    return like


def im2col(draw: Draw, adjoint: bool = False) -> Case:
    x, kernel, options = draw(strategies.pool2d_cases(max_size=5, min_batch=0))
    del options["ceil_mode"]
    if not adjoint:
        return (
            [x],
            lambda x: ops.im2col(x, kernel, **options),
            lambda x: loop_im2col(x, kernel, **options),
        )
    columns, size = numbers(draw, loop_im2col(x.data, kernel, **options).shape), x.shape[2:]
    return (
        [columns],
        lambda c: ops.col2im(c, size, kernel, **options),
        lambda c: loop_col2im(c, size, kernel, **options),
    )


def loop_pool(pool: Any, x: Array, kernel: Any, options: dict[str, Any]) -> Array:
    y = None
    for window, oh, ow, seen in see(x, kernel, options):
        y = np.zeros((*x.shape[:2], *window.output_size)) if y is None else y
        taps = np.stack([x[:, :, ih, iw] for _, _, ih, iw in seen])
        y[:, :, oh, ow] = pool(taps, window, oh, ow)
    return y


def max_pool2d(draw: Draw) -> Case:
    x, kernel, options = draw(strategies.pool2d_cases(max_size=5, min_batch=0))
    loops = lambda x: loop_pool(lambda taps, *_: taps.max(0), x, kernel, options)  # noqa: E731
    return ([x], lambda x: ops.max_pool2d(x, kernel, **options), loops)


def avg_pool2d(draw: Draw) -> Case:
    x, kernel, options = draw(strategies.pool2d_cases(max_size=5, dilation=False, min_batch=0))
    divisor = draw(st.sampled_from([None, None, 3, -2]))
    with_padding = draw(st.booleans())

    def mean(taps: Array, window: Any, oh: int, ow: int) -> Array:
        count = len(taps)
        if with_padding:
            ends = [
                (size + sum(p)) for size, p in zip(window.input_size, window.padding, strict=True)
            ]
            starts = (oh * window.stride[0], ow * window.stride[1])
            count = math.prod(
                min(k, end - s) for k, end, s in zip(kernel, ends, starts, strict=True)
            )
        return taps.sum(0) / (divisor or count)

    extra = {"count_include_pad": with_padding, "divisor_override": divisor}
    return (
        [x],
        lambda x: ops.avg_pool2d(x, kernel, **options, **extra),
        lambda x: loop_pool(mean, x, kernel, options),
    )


NUMPY_MODES = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def pad2d(draw: Draw) -> Case:
    x = draw(strategies.images(max_size=5, min_batch=0))
    mode = draw(st.sampled_from(list(NUMPY_MODES)))
    limits = [n - 1 if mode == "reflect" else n for n in x.shape[2:]]
    sides = tuple((draw(st.integers(0, n)), draw(st.integers(0, n))) for n in limits)
    fill = {"zeros": {"constant_values": 0.0}, "constant": {"constant_values": 1.5}}.get(mode, {})
    return (
        [x],
        lambda x: ops.pad2d(x, sides, mode, 1.5),
        lambda x: np.pad(x, ((0, 0), (0, 0), *sides), NUMPY_MODES[mode], **fill),
    )


CASES: dict[str, Callable[[Draw], Case]] = {
    "avg_pool2d": avg_pool2d,
    "col2im": lambda draw: im2col(draw, adjoint=True),
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "im2col": im2col,
    "max_pool2d": max_pool2d,
    "pad2d": pad2d,
}

"""The image ops in minicnn and PyTorch: how to draw one call of each, for test_torch.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from hypothesis import assume
from hypothesis import strategies as st

from minicnn import Tensor, manual_seed, ops
from minicnn.backend.geometry import make_window, pixel_counts
from minicnn.testing import strategies

from .torch_cases import SIDES, Array, Draw, Twins, numbers, shape_of

F = torch.nn.functional


def images(draw: Draw, least: int = 1, most: int = 6) -> Array:
    """Images of any size and memory order, no image at all too."""
    n, c = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    size = (draw(st.integers(least, most)), draw(st.integers(least, most)))
    x = numbers(draw, (n, c, *size))
    return strategies.in_order(x, draw(strategies.memory_orders()))


def padded(x: Any, kernel: Any, options: dict[str, Any], fill: float = 0.0) -> Any:
    """x of PyTorch, padded as the options say: PyTorch's own ops lack most forms of padding."""
    n, c, height, width = x.shape
    (top, bottom), (left, right) = make_window("torch", (height, width), kernel, **options).padding
    if n == 0:  # which PyTorch's pad refuses
        return x.new_zeros((0, c, height + top + bottom, width + left + right)) + x.sum()
    return F.pad(x, (left, right, top, bottom), value=fill)


def conv2d(draw: Draw) -> Twins:
    x, weight, bias, options = draw(strategies.conv2d_cases(min_batch=0))
    window = {k: v for k, v in options.items() if k != "groups"}
    rest = {k: v for k, v in options.items() if k != "padding"}
    mode = draw(st.sampled_from(["zeros", "replicate"]))

    def theirs(x: Any, *others: Any) -> Any:
        kernel = others[0].shape[2:]
        if mode == "zeros":
            return F.conv2d(padded(x, kernel, window), *others, **rest)
        (top, bottom), (left, right) = make_window(
            "torch", tuple(x.shape[2:]), kernel, **window
        ).padding
        return F.conv2d(F.pad(x, (left, right, top, bottom), mode), *others, **rest)

    arrays = [t.data for t in (x, weight, bias) if t is not None]
    return arrays, lambda *a: ops.conv2d(*a, **options, padding_mode=mode), theirs


def conv_transpose2d(draw: Draw) -> Twins:
    pair = lambda low, high: draw(st.tuples(*[st.integers(low, high)] * 2))  # noqa: E731
    groups, (n, c), o = draw(st.integers(1, 2)), pair(1, 3), draw(st.integers(1, 3))
    size, kernel, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 3), pair(1, 2)
    extra = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    lengths = [
        (i - 1) * s + d * (k - 1) + 1 + e
        for i, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)
    ]
    padding = tuple(min(draw(st.integers(0, 2)), (length - 1) // 2) for length in lengths)
    options = {"stride": stride, "padding": padding, "output_padding": extra,
               "groups": groups, "dilation": dilation}  # fmt: skip
    arrays = [numbers(draw, (n, c * groups, *size)), numbers(draw, (c * groups, o, *kernel)),
              numbers(draw, (o * groups,))]  # fmt: skip
    return (
        arrays,
        lambda *a: ops.conv_transpose2d(*a, **options),
        lambda *a: F.conv_transpose2d(*a, **options),
    )


def unfold(draw: Draw) -> Twins:
    x, kernel, options = draw(strategies.pool2d_cases(min_batch=0))
    del options["ceil_mode"]
    rest = {k: v for k, v in options.items() if k != "padding"}
    return (
        [x.data],
        lambda x: ops.im2col(x, kernel, **options),
        lambda x: F.unfold(padded(x, kernel, options), kernel, **rest),
    )


def fold(draw: Draw) -> Twins:
    x, kernel, options = draw(strategies.pool2d_cases(min_batch=0))
    del options["ceil_mode"]
    size = x.shape[2:]
    (top, bottom), (left, right) = make_window("torch", size, kernel, **options).padding
    whole = (size[0] + top + bottom, size[1] + left + right)
    rest = {k: v for k, v in options.items() if k != "padding"}
    columns = ops.im2col(x, kernel, **options).shape

    def theirs(c: Any) -> Any:
        y = F.fold(c, whole, kernel, **rest)
        return y[:, :, top : top + size[0], left : left + size[1]]

    return [numbers(draw, columns)], lambda c: ops.col2im(c, size, kernel, **options), theirs


def native(kernel: tuple[int, int], options: dict[str, Any]) -> bool:
    """Whether PyTorch's pools take this padding: numbers of at most half the kernel."""
    padding = options["padding"]
    both = padding if isinstance(padding, tuple) else (padding, padding)
    return all(isinstance(p, int) and 2 * p <= k for p, k in zip(both, kernel, strict=True))


def without_ceil_mode(x: Any, kernel: tuple[int, int], options: dict[str, Any]) -> None:
    """An image padded beforehand is all image to PyTorch, which keeps windows of padding alone."""
    options["ceil_mode"] = False
    window = {k: v for k, v in options.items() if k != "divisor_override"}
    assume(
        all(
            min(counts)
            for counts in pixel_counts(make_window("torch", x.shape[2:], kernel, **window))
        )
    )


def extreme(name: str, sign: int) -> Any:
    """Maximum pooling, and minimum pooling as its mirror image."""

    def twins(draw: Draw) -> Twins:
        x, kernel, options = draw(strategies.pool2d_cases(min_batch=0))
        ours = getattr(ops, name)
        if native(kernel, options):
            return (
                [x.data],
                lambda x: ours(x, kernel, **options),
                lambda x: sign * F.max_pool2d(sign * x, kernel, **options),
            )
        without_ceil_mode(x, kernel, options)
        rest = {k: v for k, v in options.items() if k != "padding"}
        return (
            [x.data],
            lambda x: ours(x, kernel, **options),
            lambda x: (
                sign * F.max_pool2d(padded(sign * x, kernel, options, -math.inf), kernel, **rest)
            ),
        )

    return twins


def avg_pool2d(draw: Draw) -> Twins:
    x, kernel, options = draw(strategies.pool2d_cases(dilation=False, min_batch=0))
    options["divisor_override"] = draw(st.sampled_from([None, 3, -2]))
    if native(kernel, options):
        options["count_include_pad"] = draw(st.booleans())
        theirs = lambda x: F.avg_pool2d(x, kernel, **options)  # noqa: E731
    else:
        without_ceil_mode(x, kernel, options)
        rest = {k: v for k, v in options.items() if k != "padding"}
        window = {k: options[k] for k in ("stride", "padding")}
        theirs = lambda x: F.avg_pool2d(padded(x, kernel, window), kernel, **rest)  # noqa: E731
    return [x.data], lambda x: ops.avg_pool2d(x, kernel, **options), theirs


def lp_pool2d(draw: Draw) -> Twins:
    x, kernel, options = draw(strategies.pool2d_cases(dilation=False, min_batch=0))
    p = draw(st.sampled_from([1, 2, 3, 4, 1.5, 2.5]))
    del options["padding"]
    kernel = tuple(min(k, n) for k, n in zip(kernel, x.shape[2:], strict=True))
    return (
        [np.abs(x.data) + 0.1],
        lambda x: ops.lp_pool2d(x, p, kernel, **options),
        lambda x: F.lp_pool2d(x, p, kernel, **options),
    )


def max_unpool2d(draw: Draw) -> Twins:
    """Windows that do not overlap, since PyTorch leaves open which value an index keeps."""
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    x = images(draw, least=3)
    _, indices = F.max_pool2d(torch.tensor(x), kernel, return_indices=True)
    size = draw(st.sampled_from([None, x.shape[2:]]))
    if size is None:
        x = x[..., : x.shape[2] // kernel[0] * kernel[0], : x.shape[3] // kernel[1] * kernel[1]]
        _, indices = F.max_pool2d(torch.tensor(x), kernel, return_indices=True)
    ours_at = Tensor(indices.numpy())
    return (
        [numbers(draw, tuple(indices.shape))],
        lambda v: ops.max_unpool2d(v, ours_at, kernel, output_size=size),
        lambda v: F.max_unpool2d(v, indices, kernel, output_size=size and tuple(size)),
    )


def adaptive(name: str, theirs: Any) -> Any:
    def twins(draw: Draw) -> Twins:
        size = draw(st.one_of(SIDES, st.tuples(SIDES, SIDES), st.just((None, 2))))
        ours = getattr(ops, name)
        return [images(draw)], lambda x: ours(x, size), lambda x: theirs(x, size)

    return twins


def whole(name: str, theirs: Any) -> Any:
    """Global pooling."""

    def twins(draw: Draw) -> Twins:
        keep, ours = draw(st.booleans()), getattr(ops, name)
        return (
            [images(draw)],
            lambda x: ours(x, keep),
            lambda x: theirs(x, dim=(2, 3), keepdim=keep),
        )

    return twins


def pad2d(draw: Draw) -> Twins:
    mode = draw(st.sampled_from(["zeros", "constant", "reflect", "replicate", "circular"]))
    x, value = numbers(draw, (draw(SIDES), draw(SIDES), 4, 5)), draw(st.floats(-2, 2))
    crop = draw(st.booleans()) and mode in ("zeros", "constant")
    top, bottom, left, right = draw(st.tuples(*[st.integers(-1 if crop else 0, 3)] * 4))
    name, fill = ("constant", value) if mode == "constant" else (mode, None)
    name, fill = ("constant", 0.0) if mode == "zeros" else (name, fill)
    return (
        [x],
        lambda x: ops.pad2d(x, ((top, bottom), (left, right)), mode, value),
        lambda x: F.pad(x, (left, right, top, bottom), name, fill),
    )


def batch_norm(draw: Draw) -> Twins:
    shape = (draw(st.integers(2, 4)), draw(SIDES), *shape_of(draw, most=2))
    arrays = [numbers(draw, shape), numbers(draw, shape[1:2]), numbers(draw, shape[1:2])]
    running = numbers(draw, shape[1:2]), numbers(draw, shape[1:2], 0.1, 2)
    training, eps = draw(st.booleans()), draw(st.sampled_from([1e-5, 0.1]))

    def ours(x: Any, weight: Any, bias: Any) -> Any:
        stored = [Tensor(v.copy()) for v in running]
        return ops.batch_norm(x, *stored, weight, bias, training, eps=eps)

    def theirs(x: Any, weight: Any, bias: Any) -> Any:
        stored = [torch.tensor(v) for v in running]
        return F.batch_norm(x, *stored, weight, bias, training, eps=eps)

    return arrays, ours, theirs


def layer_norm(draw: Draw) -> Twins:
    lead, shape = shape_of(draw, most=2), (*shape_of(draw, most=1), draw(st.integers(2, 4)))
    arrays = [numbers(draw, (*lead, *shape)), numbers(draw, shape), numbers(draw, shape)]
    return (
        arrays,
        lambda x, w, b: ops.layer_norm(x, shape, w, b),
        lambda x, w, b: F.layer_norm(x, shape, w, b),
    )


def local_response_norm(draw: Draw) -> Twins:
    size = draw(st.integers(1, 7))
    values = {"alpha": [1e-4, 0.5], "beta": [0.5, 0.75], "k": [1.0, 2.0]}
    options = {name: draw(st.sampled_from(v)) for name, v in values.items()}
    x = numbers(draw, (draw(SIDES), draw(st.integers(1, 6)), draw(SIDES), draw(SIDES)))
    return (
        [x],
        lambda x: ops.local_response_norm(x, size, **options),
        lambda x: F.local_response_norm(x, size, **options),
    )


def dropped(name: str) -> Any:
    """Dropout's choice is random; what follows from the choice is the same."""

    def twins(draw: Draw) -> Twins:
        x, p, seed = images(draw), draw(st.sampled_from([0.0, 0.3, 1.0])), draw(st.integers(0, 99))

        def ours(x: Any) -> Any:
            manual_seed(seed)
            return getattr(ops, name)(x, p)

        kept = torch.tensor(ours(Tensor(x * 0 + 1)).numpy() != 0)
        return [x], ours, lambda x: torch.where(kept, x / (1 - p) if p < 1 else x, 0.0 * x)

    return twins


CASES = {
    "adaptive_avg_pool2d": adaptive("adaptive_avg_pool2d", F.adaptive_avg_pool2d),
    "adaptive_max_pool2d": adaptive("adaptive_max_pool2d", F.adaptive_max_pool2d),
    "avg_pool2d": avg_pool2d,
    "batch_norm": batch_norm,
    "col2im": fold,
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "dropout": dropped("dropout"),
    "dropout2d": dropped("dropout2d"),
    "global_avg_pool2d": whole("global_avg_pool2d", torch.mean),
    "global_max_pool2d": whole("global_max_pool2d", torch.amax),
    "global_min_pool2d": whole("global_min_pool2d", torch.amin),
    "im2col": unfold,
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
    "lp_pool2d": lp_pool2d,
    "max_pool2d": extreme("max_pool2d", 1),
    "max_unpool2d": max_unpool2d,
    "min_pool2d": extreme("min_pool2d", -1),
    "pad2d": pad2d,
}

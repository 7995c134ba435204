"""Pooling by windows, by regions, over whole images, and its inverse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.backend.geometry import make_window
from minicnn.testing import strategies

from .case import SIDES, Array, Call, Draw, F, OpCase, numbers, torch
from .windows import Place, pad_in_torch, places, sides_of, stack_taps, window_in_torch


def images(draw: Draw, most: int = 6) -> mc.Tensor:
    return draw(strategies.images(min_batch=0, max_size=most))


def loop_pool(x: Array, kernel_size: Any, pool: Any, **options: Any) -> Array:
    """``pool(taps, place)`` of each window."""
    walk = list(places(x.shape[2:], kernel_size, **options))
    y = np.zeros((*x.shape[:2], *walk[0].window.output_size))
    for place in walk:
        y[:, :, place.oh, place.ow] = pool(stack_taps(x, place), place)
    return y


def is_native(kernel_size: tuple[int, int], padding: Any) -> bool:
    """Whether PyTorch's pools take this padding: numbers of at most half the kernel."""
    both = padding if isinstance(padding, tuple) else (padding, padding)
    return all(isinstance(p, int) and 2 * p <= k for p, k in zip(both, kernel_size, strict=True))


def extreme(name: str, sign: int) -> OpCase:
    """Maximum pooling, and minimum pooling as its mirror image."""

    def draw_call(draw: Draw) -> Call:
        x, kernel, options = draw(strategies.pool2d_cases(max_size=6, min_batch=0))
        return [x], {"kernel_size": kernel, **options}

    def oracle(x: Array, kernel_size: Any, **options: Any) -> Array:
        return loop_pool(x, kernel_size, lambda taps, _: sign * (sign * taps).max(0), **options)

    def twin(x: Any, kernel_size: Any, **options: Any) -> Any:
        if is_native(kernel_size, options["padding"]):
            return sign * F.max_pool2d(sign * x, kernel_size, **options)
        sides = sides_of(window_in_torch(x, kernel_size, **options))
        rest = {k: options[k] for k in ("stride", "dilation")}
        return sign * F.max_pool2d(pad_in_torch(sign * x, sides, -math.inf), kernel_size, **rest)

    return OpCase(name, draw_call, oracle, twin)


def avg_pool2d(draw: Draw) -> Call:
    cases = strategies.pool2d_cases(max_size=6, dilation=False, min_batch=0)
    x, kernel, options = draw(cases)
    options["count_include_pad"] = draw(st.booleans())
    options["divisor_override"] = draw(st.sampled_from([None, None, 3, -2]))
    return [x], {"kernel_size": kernel, **options}


def loop_avg_pool2d(
    x: Array,
    kernel_size: Any,
    *,
    count_include_pad: bool,
    divisor_override: int | None,
    **options: Any,
) -> Array:
    def mean(taps: Array, place: Place) -> Array:
        count = place.count_with_padding() if count_include_pad else len(taps)
        return taps.sum(0) / (divisor_override or count)

    return loop_pool(x, kernel_size, mean, **options)


def avg_pool2d_in_torch(
    x: Any,
    kernel_size: Any,
    *,
    count_include_pad: bool,
    divisor_override: int | None,
    **options: Any,
) -> Any:
    """Where PyTorch lacks the padding: the sums of the windows, and of ones for their counts."""
    if is_native(kernel_size, options["padding"]):
        return F.avg_pool2d(
            x,
            kernel_size,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
            **options,
        )
    window = window_in_torch(x, kernel_size, **options)
    sides = sides_of(window)
    sums = lambda x: F.avg_pool2d(x, kernel_size, window.stride, divisor_override=1)  # noqa: E731
    ones = x.new_ones((1, 1, *x.shape[2:]))
    if count_include_pad:  # ones in the padding, zeros in what ceil_mode adds to it
        ones = pad_in_torch(ones, window.padding, 1.0)
        rest = zip(sides, window.padding, strict=True)
        counts = sums(pad_in_torch(ones, [(0, after - own) for (_, after), (_, own) in rest]))
    else:
        counts = sums(pad_in_torch(ones, sides))
    return sums(pad_in_torch(x, sides)) / (divisor_override or counts)


def lp_pool2d(draw: Draw) -> Call:
    cases = strategies.pool2d_cases(max_size=6, dilation=False, min_batch=0)
    x, kernel, options = draw(cases)
    p = draw(st.sampled_from([1, 2, 3, 4, 1.5, 2.5]))
    values = x.data if p in (2, 4) else np.abs(x.data)
    values = np.where(np.abs(values) < 0.1, 0.3, values)  # a window of zeros has no slope
    x = mc.Tensor(values, requires_grad=True)
    return [x], {"norm_type": p, "kernel_size": kernel, **options}


def loop_lp_pool2d(x: Array, norm_type: float, kernel_size: Any, **options: Any) -> Array:
    """A window that ceil_mode cuts short counts as a whole one with the same mean."""

    def norm(taps: Array, place: Place) -> Array:
        mean = (taps**norm_type).sum(0) / place.count_with_padding()
        return (mean * math.prod(kernel_size)) ** (1 / norm_type)

    return loop_pool(x, kernel_size, norm, **options)


def lp_pool2d_in_torch(
    x: Any, norm_type: float, kernel_size: Any, *, stride: Any, padding: Any, ceil_mode: bool
) -> Any:
    """PyTorch's has no padding; zeros around the image are pixels to it."""
    window = window_in_torch(x, kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode)
    padded = pad_in_torch(x, window.padding)
    y = F.lp_pool2d(padded, norm_type, kernel_size, stride, ceil_mode)
    assume(tuple(y.shape[2:]) == window.output_size)  # no window starts in the padding
    return y


def max_unpool2d(draw: Draw) -> Call:
    """Indices of windows that may overlap, so that one may come twice, or that tile the image."""
    if draw(st.booleans()):
        x, kernel, options = draw(
            strategies.pool2d_cases(4, dilation=False, min_batch=0, ceil_mode=False)
        )
        size: Any = draw(st.sampled_from([x.shape, x.shape[2:]]))
        window = make_window("case", x.shape[2:], kernel, **options)
        back = {"stride": window.stride, "padding": window.padding}
    else:
        kernel, options = (draw(st.integers(1, 3)), draw(st.integers(1, 3))), {}
        back = {"stride": None, "padding": 0}
        n, c, h, w = (*images(draw).shape[:2], draw(st.integers(3, 6)), draw(st.integers(3, 6)))
        size = draw(st.sampled_from([None, (h, w)]))
        if size is None:
            h, w = h // kernel[0] * kernel[0], w // kernel[1] * kernel[1]
        x = numbers(draw, (n, c, h, w))
    _, indices = ops.max_pool2d(x, kernel, **options, return_indices=True)
    options = {"indices": indices.data, "kernel_size": kernel, "output_size": size, **back}
    return [numbers(draw, indices.shape)], options


def loop_max_unpool2d(
    x: Array, indices: Array, kernel_size: Any, output_size: Any, stride: Any, padding: Any
) -> Array:
    tiled = tuple(n * k for n, k in zip(x.shape[2:], kernel_size, strict=True))
    height, width = (output_size or tiled)[-2:]
    y = np.zeros((*x.shape[:2], height, width))
    for n, c, i, j in np.ndindex(*x.shape):
        at = int(indices[n, c, i, j])
        y[n, c, at // width, at % width] = x[n, c, i, j]
    return y


def max_unpool2d_in_torch(
    x: Any, indices: Array, kernel_size: Any, output_size: Any, stride: Any, padding: Any
) -> Any:
    """Where windows overlap, PyTorch leaves open which value an index keeps."""
    if padding:
        assume(all(before == after for before, after in padding))
        padding = [before for before, _ in padding]
    assume(all(len(set(image.flat)) == image.size for image in indices.reshape(-1, *x.shape[2:])))
    return F.max_unpool2d(x, torch.tensor(indices), kernel_size, stride, padding, output_size)


def adaptive(name: str, oracle: Any, twin: Any) -> OpCase:
    def draw_call(draw: Draw) -> Call:
        sizes = st.one_of(SIDES, st.tuples(SIDES, SIDES), st.just((None, 3)))
        return [images(draw)], {"output_size": draw(sizes)}

    def loops(x: Array, output_size: Any) -> Array:
        both = output_size if isinstance(output_size, tuple) else (output_size, output_size)
        outputs = [n if o is None else o for n, o in zip(x.shape[2:], both, strict=True)]
        y = np.empty((*x.shape[:2], *outputs))
        for oh, ow in np.ndindex(*outputs):
            rows, columns = (
                slice(i * n // o, math.ceil((i + 1) * n / o))
                for i, n, o in zip((oh, ow), x.shape[2:], outputs, strict=True)
            )
            y[:, :, oh, ow] = oracle(x[:, :, rows, columns], axis=(2, 3))
        return y

    return OpCase(name, draw_call, loops, twin)


def whole_image(name: str, oracle: Any, twin: Any) -> OpCase:
    return OpCase(
        name,
        lambda draw: ([images(draw)], {"keepdim": draw(st.booleans())}),
        lambda x, keepdim: oracle(x, axis=(2, 3), keepdims=keepdim),
        lambda x, keepdim: twin(x, dim=(2, 3), keepdim=keepdim),
    )


CASES = [
    adaptive("adaptive_avg_pool2d", np.mean, F.adaptive_avg_pool2d),
    adaptive("adaptive_max_pool2d", np.max, F.adaptive_max_pool2d),
    OpCase("avg_pool2d", avg_pool2d, loop_avg_pool2d, avg_pool2d_in_torch),
    whole_image("global_avg_pool2d", np.mean, torch.mean),
    whole_image("global_max_pool2d", np.max, torch.amax),
    whole_image("global_min_pool2d", np.min, torch.amin),
    OpCase("lp_pool2d", lp_pool2d, loop_lp_pool2d, lp_pool2d_in_torch),
    extreme("max_pool2d", 1),
    OpCase(
        "max_unpool2d",
        max_unpool2d,
        loop_max_unpool2d,
        max_unpool2d_in_torch,
        ours=lambda x, indices, **options: ops.max_unpool2d(
            x, mc.tensor(indices, device=x.device), **options
        ),
    ),
    extreme("min_pool2d", -1),
]

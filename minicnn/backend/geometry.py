"""Where windows lie: kernel sizes, padding forms, output sizes, and the errors they can raise.

Along one axis, with input size I, kernel size K, stride s, dilation d and padding p_0, p_1:

    span   = d * (K - 1) + 1                        pixels from the first to the last tap
    output = floor((I + p_0 + p_1 - span) / s) + 1  (ceil_mode: ceil)
    input index of output o at tap k = o * s + k * d - p_0
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from ..checks import IntOrPair, Pair, check_pair, is_integer

Sides = tuple[Pair, Pair]
"""Pixels added ((top, bottom), (left, right))."""
PaddingForm = int | Pair | Sides | str
"""Padding as users write it: p, (p_h, p_w), ((top, bottom), (left, right)), "valid" or "same"."""


class Window(NamedTuple):
    """A window that slides over an image: all the geometry that a kernel needs."""

    input_size: Pair
    output_size: Pair
    kernel_size: Pair
    stride: Pair
    padding: Sides
    dilation: Pair

    @property
    def overlaps(self) -> bool:
        """Whether a pixel can lie under two places of the window."""
        axes = zip(self.kernel_size, self.stride, self.dilation, strict=True)
        return any(stride < dilation * (kernel - 1) + 1 for kernel, stride, dilation in axes)

    @property
    def is_pointwise(self) -> bool:
        """Whether the places of the window are the pixels, in order: a 1x1 kernel with stride 1."""
        return self.kernel_size == self.stride == (1, 1) and self.input_size == self.output_size


class Tap(NamedTuple):
    """One position (kh, kw) inside the window, over all places of the window at once.

    ``output`` are the places of the window whose tap falls on a pixel and ``input`` are these
    pixels, both as slices of a (C, H, W, N) array; where the tap falls on padding is left out.
    """

    kh: int
    kw: int
    output: tuple[slice, slice, slice]
    input: tuple[slice, slice, slice]
    complete: bool


class Band(NamedTuple):
    """Some rows of places of a window: a smaller window over the rows of pixels under them."""

    output: slice
    input: slice
    window: Window


@lru_cache(maxsize=1024)
def bands(window: Window, rows: int) -> tuple[Band, ...]:
    """The places of a window in bands of that many rows; the last may have fewer."""
    return tuple(
        _band(window, start, min(start + rows, window.output_size[0]))
        for start in range(0, window.output_size[0], rows)
    )


def _band(window: Window, start: int, stop: int) -> Band:
    (height, width), (top, _), (stride, _) = window.input_size, window.padding[0], window.stride
    span = window.dilation[0] * (window.kernel_size[0] - 1) + 1
    first, end = start * stride - top, (stop - 1) * stride - top + span  # in the padding, perhaps
    above, below = min(max(first, 0), height), min(max(end, 0), height)
    part = window._replace(
        input_size=(below - above, width),
        output_size=(stop - start, window.output_size[1]),
        padding=((above - first, end - below), window.padding[1]),
    )
    return Band(slice(start, stop), slice(above, below), part)


@lru_cache(maxsize=1024)
def taps(window: Window) -> tuple[Tap, ...]:
    """The taps of a window, in row order."""
    (rows, columns) = (_axis_taps(window, axis) for axis in (0, 1))
    every = slice(None)
    return tuple(
        Tap(kh, kw, (every, oh, ow), (every, ih, iw), full_h and full_w)
        for kh, (oh, ih, full_h) in enumerate(rows)
        for kw, (ow, iw, full_w) in enumerate(columns)
    )


def _axis_taps(window: Window, axis: int) -> list[tuple[slice, slice, bool]]:
    size, outputs, stride = (
        v[axis] for v in (window.input_size, window.output_size, window.stride)
    )
    found = []
    for k in range(window.kernel_size[axis]):
        offset = k * window.dilation[axis] - window.padding[axis][0]
        first = max(0, -(offset // stride))  # smallest o with o * stride + offset >= 0
        stop = min(outputs, (size - 1 - offset) // stride + 1)  # first o past the last pixel
        stop = max(first, stop)
        start = first * stride + offset
        pixels = slice(start, start + (stop - first) * stride, stride)
        found.append((slice(first, stop), pixels, stop - first == outputs))
    return found


@lru_cache(maxsize=1024)
def pixel_counts(window: Window) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For each row and each column of places, how many taps fall on pixels and not on padding."""
    rows, columns = ([0] * n for n in window.output_size)
    for axis, counts in enumerate((rows, columns)):
        for places, _, _ in _axis_taps(window, axis):
            for o in range(places.start, places.stop):
                counts[o] += 1
    return tuple(rows), tuple(columns)


def sides(padding: Any, name: str = "padding", *, least: int | None = 0) -> Sides:
    """A numeric padding as ((top, bottom), (left, right)). Raises TypeError or ValueError."""
    if isinstance(padding, str):
        raise ValueError(f"{name}: got {padding!r}, expected numbers here")
    both = padding if isinstance(padding, tuple | list) else (padding, padding)
    if len(both) == 2 and all(is_integer(v) for v in both):
        both = ((both[0], both[0]), (both[1], both[1]))
    if len(both) != 2 or not all(_is_pair(v) for v in both):
        raise TypeError(
            f"{name}: got {padding!r}, expected an integer, a pair of integers, or two pairs "
            f"((top, bottom), (left, right)){_as_two_pairs(both)}"
        )
    (top, bottom), (left, right) = ((int(a), int(b)) for a, b in both)
    if least is not None and min(top, bottom, left, right) < least:
        raise ValueError(f"{name}: got {padding!r}, expected {least} or more")
    return (top, bottom), (left, right)


def _as_two_pairs(numbers: tuple[Any, ...] | list[Any]) -> str:
    """How to write PyTorch's four numbers in a row, for users who come from PyTorch."""
    if len(numbers) != 4 or not all(is_integer(v) for v in numbers):
        return ""
    left, right, top, bottom = numbers
    pairs = f"(({top}, {bottom}), ({left}, {right}))"
    return f"; PyTorch's (left, right, top, bottom) is written {pairs}"


def make_window(
    op: str,
    input_size: Pair,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: PaddingForm = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
) -> Window:
    """The window of the op named op over an image of input_size (H, W).

    Raises ValueError if the window does not fit into the padded image, showing the arithmetic.
    """
    given = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
    pairs = [check_pair(f"{op}: {name}", value) for name, value in given.items()]
    form = padding if isinstance(padding, str) else sides(padding, f"{op}: padding")
    return _fitted(op, form, bool(ceil_mode), input_size, *pairs)


@lru_cache(maxsize=1024)
def _fitted(op: str, form: Sides | str, ceil_mode: bool, size: Pair, *pairs: Pair) -> Window:
    kernel, stride, dilation = pairs
    spans = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
    padding = _window_padding(op, form, size, spans, stride)
    padded = (size[0] + sum(padding[0]), size[1] + sum(padding[1]))
    if min(size) < 1 or padded[0] < spans[0] or padded[1] < spans[1]:
        raise ValueError(_does_not_fit(op, kernel, dilation, spans, size, padded))
    output_size = (
        _output_size(padded[0], spans[0], stride[0], padding[0], ceil_mode),
        _output_size(padded[1], spans[1], stride[1], padding[1], ceil_mode),
    )
    return Window(size, output_size, kernel, stride, padding, dilation)


def _output_size(padded: int, span: int, stride: int, padding: Pair, ceil_mode: bool) -> int:
    if not ceil_mode:
        return (padded - span) // stride + 1
    size = -((span - padded) // stride) + 1
    # A window that would start in the padding after the image sees nothing: PyTorch drops it.
    starts_past_the_image = (size - 1) * stride >= padded - padding[1]
    return size - 1 if starts_past_the_image else size


def _window_padding(
    op: str, form: Sides | str, input_size: Pair, spans: Pair, stride: Pair
) -> Sides:
    if form == "valid":
        return (0, 0), (0, 0)
    if form == "same":
        return (
            _same(input_size[0], spans[0], stride[0]),
            _same(input_size[1], spans[1], stride[1]),
        )
    if isinstance(form, str):
        raise ValueError(f'{op}: padding: got {form!r}, expected "valid", "same" or numbers')
    return form


def _same(size: int, span: int, stride: int) -> Pair:
    """TensorFlow's rule: output = ceil(size / stride), the odd pixel at the bottom or right."""
    output = -(-size // stride)
    total = max((output - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def _does_not_fit(
    op: str, kernel: Pair, dilation: Pair, spans: Pair, input_size: Pair, padded: Pair
) -> str:
    what = f"a {_by(kernel)} kernel"
    if dilation != (1, 1):
        what += f" with dilation {_one_or_both(dilation)} spans {_one_or_both(spans)} pixels"
    else:
        what += " does not fit"
    return f"{op}: {what}, but the padded input is {_by(padded)} (unpadded {_by(input_size)})"


def _by(size: Pair) -> str:
    return f"{size[0]}x{size[1]}"


def _one_or_both(size: Pair) -> str:
    return str(size[0]) if size[0] == size[1] else _by(size)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(is_integer(v) for v in value)

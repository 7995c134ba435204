"""Walking over the windows of an image in plain loops, and padding images in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minicnn.backend.geometry import make_window

from .case import Array, F


class Place(NamedTuple):
    """One window: where its output goes, and its taps (kh, kw, ih, iw) that are not padding."""

    window: Any
    oh: int
    ow: int
    taps: list[tuple[int, int, int, int]]

    def count_with_padding(self) -> int:
        """The number of taps on the image and its padding, without what ceil_mode adds."""
        count = 1
        window = self.window
        for o, size, k, stride, padding in zip(
            (self.oh, self.ow),
            window.input_size,
            window.kernel_size,
            window.stride,
            window.padding,
            strict=True,
        ):
            count *= min(k, size + sum(padding) - o * stride)
        return count


def places(size: Any, kernel_size: Any, **options: Any) -> Iterator[Place]:
    window = make_window("oracle", size, kernel_size, **options)
    for oh, ow in np.ndindex(*window.output_size):
        taps = []
        for kh, kw in np.ndindex(*window.kernel_size):
            ih = oh * window.stride[0] + kh * window.dilation[0] - window.padding[0][0]
            iw = ow * window.stride[1] + kw * window.dilation[1] - window.padding[1][0]
            if 0 <= ih < size[0] and 0 <= iw < size[1]:
                taps.append((kh, kw, ih, iw))
        yield Place(window, oh, ow, taps)


def pad_in_torch(x: Any, sides: Any, fill: float = 0.0, mode: str = "constant") -> Any:
    """F.pad, which refuses an empty batch."""
    (top, bottom), (left, right) = sides
    if x.shape[0] == 0:
        height, width = x.shape[2] + top + bottom, x.shape[3] + left + right
        return x.new_zeros((*x.shape[:2], height, width)) + x.sum()
    value = (fill,) if mode == "constant" else ()
    return F.pad(x, (left, right, top, bottom), mode, *value)


def window_in_torch(x: Any, kernel_size: Any, **options: Any) -> Any:
    """The window for a tensor of PyTorch, whose own ops lack most forms of padding."""
    return make_window("torch", tuple(x.shape[2:]), kernel_size, **options)


def sides_of(window: Any) -> Any:
    """The padding after which windows without padding and ceil_mode cover the same taps.

    It is negative where the last rows or columns are in no window.
    """
    return tuple(
        (before, (o - 1) * s + d * (k - 1) + 1 - n - before)
        for n, o, k, s, d, (before, _) in zip(
            window.input_size,
            window.output_size,
            window.kernel_size,
            window.stride,
            window.dilation,
            window.padding,
            strict=True,
        )
    )


def stack_taps(x: Array, place: Place) -> Array:
    """The pixels of one window that are not padding: (taps, N, C)."""
    return np.stack([x[:, :, ih, iw] for _, _, ih, iw in place.taps])

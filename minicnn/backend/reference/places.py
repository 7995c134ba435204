"""The loops that all windows share: over every place, and over the pixels under one place."""

from __future__ import annotations

from collections.abc import Iterator

from ..geometry import Window


def places(window: Window) -> Iterator[tuple[int, int]]:
    """Every place (oh, ow) of the window, in row order."""
    for oh in range(window.output_size[0]):
        for ow in range(window.output_size[1]):
            yield oh, ow


def pixels(window: Window, oh: int, ow: int) -> Iterator[tuple[int, int, int, int]]:
    """Every (kh, kw, ih, iw) of the window at (oh, ow) that is a pixel and not padding."""
    for kh in range(window.kernel_size[0]):
        for kw in range(window.kernel_size[1]):
            ih = oh * window.stride[0] + kh * window.dilation[0] - window.padding[0][0]
            iw = ow * window.stride[1] + kw * window.dilation[1] - window.padding[1][0]
            if 0 <= ih < window.input_size[0] and 0 <= iw < window.input_size[1]:
                yield kh, kw, ih, iw

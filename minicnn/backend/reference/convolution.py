"""Convolution as seven plain loops, and its two gradients, which run over the same loops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays import Array
from ..geometry import Window
from .places import pixels, places


def convolve(x: Array, weight: Array, bias: Array | None, window: Window, groups: int) -> Array:
    outputs, batch = weight.shape[0], x.shape[-1]
    y = np.zeros((outputs, *window.output_size, batch), x.dtype)
    for o, c, channel in _connections(weight, groups):
        for oh, ow in places(window):
            for kh, kw, ih, iw in pixels(window, oh, ow):
                for n in range(batch):
                    y[o, oh, ow, n] += weight[o, c, kh, kw] * x[channel, ih, iw, n]
    if bias is not None:
        for o in range(outputs):
            y[o] += bias[o]
    return y


def convolve_input_gradient(grad: Array, weight: Array, window: Window, groups: int) -> Array:
    channels, batch = groups * weight.shape[1], grad.shape[-1]
    x = np.zeros((channels, *window.input_size, batch), grad.dtype)
    for o, c, channel in _connections(weight, groups):
        for oh, ow in places(window):
            for kh, kw, ih, iw in pixels(window, oh, ow):
                for n in range(batch):
                    x[channel, ih, iw, n] += weight[o, c, kh, kw] * grad[o, oh, ow, n]
    return x


def convolve_weight_gradient(x: Array, grad: Array, window: Window, groups: int) -> Array:
    channels, outputs, batch = x.shape[0], grad.shape[0], x.shape[-1]
    weight = np.zeros((outputs, channels // groups, *window.kernel_size), x.dtype)
    for o, c, channel in _connections(weight, groups):
        for oh, ow in places(window):
            for kh, kw, ih, iw in pixels(window, oh, ow):
                for n in range(batch):
                    weight[o, c, kh, kw] += grad[o, oh, ow, n] * x[channel, ih, iw, n]
    return weight


def _connections(weight: Array, groups: int) -> Iterator[tuple[int, int, int]]:
    """Every (o, c, channel): output o sees with weight[o, c] that channel of the input."""
    outputs, per_group = weight.shape[:2]
    for o in range(outputs):
        group = o // (outputs // groups)
        for c in range(per_group):
            yield o, c, group * per_group + c

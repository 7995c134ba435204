"""Sums over channels, and of each channel, as plain loops."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def sum_over_neighbour_channels(x: Array, before: int, after: int) -> Array:
    channels = x.shape[0]
    y = np.zeros_like(x)
    for c in range(channels):
        for neighbour in range(max(0, c - before), min(channels, c + after + 1)):
            for index in np.ndindex(*x.shape[1:]):
                y[c][index] += x[neighbour][index]
    return y


def sum_per_channel(x: Array) -> Array:
    totals = np.zeros(x.shape[0], x.dtype)
    for c, *index in np.ndindex(*x.shape):
        totals[c] += x[c][tuple(index)]
    return totals

"""Sums over channels, and of each channel, in CUDA C, see ``channels.cu``."""

from __future__ import annotations

import math

from ..arrays import Array
from .arguments import contiguous, new
from .launch import launch
from .source import THREADS

PIECE, MOST_PIECES = 1 << 14, 256
"""Numbers that one block of threads adds up; more than that where there are many pieces."""


def sum_over_neighbour_channels(x: Array, before: int, after: int) -> Array:
    y, channels = new(x, x.shape), x.shape[0]
    pixels = x.size // max(1, channels)
    launch(
        "channels.cu",
        "sum_over_neighbour_channels",
        y.size,
        contiguous(x),
        y,
        before,
        after,
        channels,
        pixels,
    )
    return y


def sum_per_channel(x: Array) -> Array:
    channels, length = x.shape[0], math.prod(x.shape[1:])
    while True:
        pieces = max(1, min(-(-length // PIECE), MOST_PIECES))
        totals = new(x, (channels, pieces))
        threads = totals.size * THREADS
        launch(
            "channels.cu",
            "sum_per_channel",
            threads,
            contiguous(x),
            totals,
            channels,
            length,
            pieces,
        )
        if pieces == 1:
            return totals.reshape(channels)
        x, length = totals, pieces

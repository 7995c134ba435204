"""Padding as plain loops."""

from __future__ import annotations

import numpy as np

from ...checks import Pair
from ..arrays import Array
from ..padding import IndexMap


def pad(x: Array, rows: IndexMap, columns: IndexMap, value: float) -> Array:
    channels, _, _, batch = x.shape
    y = np.full((channels, len(rows), len(columns), batch), value, x.dtype)
    for i, ih in enumerate(rows):
        for j, iw in enumerate(columns):
            if ih >= 0 and iw >= 0:
                for c in range(channels):
                    for n in range(batch):
                        y[c, i, j, n] = x[c, ih, iw, n]
    return y


def pad_adjoint(y: Array, rows: IndexMap, columns: IndexMap, input_size: Pair) -> Array:
    channels, _, _, batch = y.shape
    x = np.zeros((channels, *input_size, batch), y.dtype)
    for i, ih in enumerate(rows):
        for j, iw in enumerate(columns):
            if ih >= 0 and iw >= 0:
                for c in range(channels):
                    for n in range(batch):
                        x[c, ih, iw, n] += y[c, i, j, n]
    return x

"""Padding with NumPy: a few slices, copied whole."""

from __future__ import annotations

import numpy as np

from ...checks import Pair
from ..arrays import Array
from ..padding import IndexMap, runs


def pad(x: Array, rows: IndexMap, columns: IndexMap, value: float) -> Array:
    channels, _, _, batch = x.shape
    y = np.full((channels, len(rows), len(columns), batch), value, x.dtype)
    for to_rows, from_rows in runs(rows):
        for to_columns, from_columns in runs(columns):
            y[:, to_rows, to_columns] = x[:, from_rows, from_columns]
    return y


def pad_adjoint(y: Array, rows: IndexMap, columns: IndexMap, input_size: Pair) -> Array:
    channels, batch = y.shape[0], y.shape[-1]
    x = np.zeros((channels, *input_size, batch), y.dtype)
    for to_rows, from_rows in runs(rows):
        for to_columns, from_columns in runs(columns):
            x[:, from_rows, from_columns] += y[:, to_rows, to_columns]
    return x

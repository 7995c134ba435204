"""Padding in CUDA C, see ``padding.cu``."""

from __future__ import annotations

from ...checks import Pair
from ..arrays import Array, device_of
from ..padding import IndexMap, inverse_map
from .arguments import contiguous, index_array, new
from .launch import launch


def pad(x: Array, rows: IndexMap, columns: IndexMap, value: float) -> Array:
    channels, height, width, batch = x.shape
    y = new(x, (channels, len(rows), len(columns), batch))
    indices = [index_array(s, device_of(x)) for s in (rows, columns)]
    sizes = (channels, height, width, len(rows), len(columns), batch)
    launch("padding.cu", "pad", y.size, contiguous(x), *indices, y, x.dtype.type(value), *sizes)
    return y


def pad_adjoint(y: Array, rows: IndexMap, columns: IndexMap, input_size: Pair) -> Array:
    channels, batch = y.shape[0], y.shape[-1]
    x = new(y, (channels, *input_size, batch))
    lists = (*inverse_map(rows, input_size[0]), *inverse_map(columns, input_size[1]))
    indices = [index_array(s, device_of(y)) for s in lists]
    sizes = (channels, *input_size, len(rows), len(columns), batch)
    launch("padding.cu", "pad_adjoint", x.size, contiguous(y), *indices, x, *sizes)
    return x

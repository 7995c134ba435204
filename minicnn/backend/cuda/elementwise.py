"""What is computed element by element, in CUDA C, see ``elementwise.cu``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Array, array_module
from .arguments import contiguous, in_order_of, new_like
from .launch import launch
from .pieces import Pieces
from .source import PIECES


def erf(x: Array) -> Array:
    return _map("erf_of", x)


def sigmoid(x: Array) -> Array:
    return _map("sigmoid", x)


def gelu(x: Array) -> Array:
    return _map("gelu", x)


def gelu_grad(grad: Array, x: Array) -> Array:
    return _map("gelu_grad", x, grad)


def _map(kernel: str, x: Array, *others: Array) -> Array:
    y = new_like(x)
    arrays = [in_order_of(y, a) for a in (x, *others)]
    launch("elementwise.cu", kernel, y.size, *arrays, y, y.size)
    return y


def join(arrays: Sequence[Array], out: Array) -> None:
    start = 0
    for k in range(0, len(arrays), PIECES):
        pieces = [contiguous(x.astype(out.dtype, copy=False)) for x in arrays[k : k + PIECES]]
        stop = start + sum(x.size for x in pieces)
        part = out[start:stop]
        launch("elementwise.cu", "join", part.size, part, Pieces(pieces), len(pieces))
        start = stop


def keep(x: Array, mask: Array) -> Array:
    is_broadcast = any(n > 1 and s == 0 for n, s in zip(x.shape, x.strides, strict=True))
    y = array_module(x).empty_like(mask if is_broadcast else x, dtype=x.dtype)
    x, mask = in_order_of(y, x), in_order_of(y, mask)
    launch("elementwise.cu", "keep", x.size, x, mask, y, x.size)
    return y


def relu(x: Array) -> Array:
    has_kernel = x.dtype in (np.float32, np.float64)
    return _map("relu", x) if has_kernel else array_module(x).maximum(x, 0)


def relu_grad(x: Array, y: Array) -> Array:
    return _map("relu_grad", x, y)

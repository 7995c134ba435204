"""What is computed element by element, in CUDA C, see ``elementwise.cu``."""

from __future__ import annotations

from ..arrays import Array, array_module
from .arguments import in_order_of, new_like, without_gaps
from .launch import launch


def erf(x: Array) -> Array:
    x = without_gaps(x)
    y = new_like(x)
    launch("elementwise.cu", "erf_of", x.size, x, y, x.size)
    return y


def keep(x: Array, mask: Array) -> Array:
    is_broadcast = any(n > 1 and s == 0 for n, s in zip(x.shape, x.strides, strict=True))
    y = array_module(x).empty_like(mask if is_broadcast else x, dtype=x.dtype)
    x, mask = in_order_of(y, x), in_order_of(y, mask)
    launch("elementwise.cu", "keep", x.size, x, mask, y, x.size)
    return y


def relu_grad(x: Array, y: Array) -> Array:
    x = without_gaps(x)
    result, y = new_like(x), in_order_of(x, y)
    launch("elementwise.cu", "relu_grad", x.size, x, y, result, x.size)
    return result

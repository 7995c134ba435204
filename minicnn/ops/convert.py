"""Making tensors of what users write, and moving them between dtypes and devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module, device_of, is_device_name, to_device

__all__ = ["as_tensor", "binary_operands", "to"]


def as_tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """The value itself if it is a Tensor, else a constant beside ``like``.

    A Python number takes the dtype of ``like``, so that ``x * 2.0`` stays float32; a float beside
    integers makes float32, as in PyTorch.
    """
    if isinstance(value, Tensor):
        return value
    if like is None:
        return Tensor(np.asarray(value))
    dtype = None
    if isinstance(value, bool | int | float):
        is_whole = like.dtype.kind in "iub" and not isinstance(value, float)
        dtype = like.dtype if is_whole or like.dtype.kind == "f" else np.dtype(np.float32)
    return Tensor(array_module(like.data).asarray(value, dtype=dtype))


def binary_operands(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both operands of a binary op as Tensors."""
    if isinstance(a, Tensor):
        return a, as_tensor(b, like=a)
    b = as_tensor(b)
    return as_tensor(a, like=b), b


class To(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, target: Any) -> Array:
        if is_device_name(target):
            self.origin: Any = device_of(x)
            return to_device(x, target)
        self.origin = x.dtype
        return x.astype(target, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return to(grad, self.origin)


def to(x: Tensor, target: Any) -> Tensor:
    """The tensor on a device (``"cpu"``) or in a dtype (``np.float64``); gradients flow back.

    Raises DeviceError for a device that cannot be used, TypeError for what is no dtype.
    """
    return To.apply(x, target=target)

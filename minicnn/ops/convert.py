"""Making tensors of what users write, and moving them between dtypes and devices."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, device_of, is_array, is_device_name, to_device
from .check import check_broadcast, check_tensor


def as_tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """The value itself if it is a Tensor, else a constant beside ``like``.

    A number takes the dtype of ``like``, so that ``x * 2.0`` stays float32; a float beside integers
    makes float32, as in PyTorch. Raises TypeError for what holds no real numbers.
    """
    if isinstance(value, Tensor):
        return value
    if like is not None and isinstance(value, np.generic):
        value = value.item()
    is_number = like is not None and isinstance(value, bool | int | float)
    dtype = _number_dtype(value, like.dtype) if like is not None and is_number else None
    try:
        if like is None and is_array(value):
            array = value
        elif like is None or like.device == "cpu":
            array = np.asarray(value, dtype=dtype)
        elif is_number:
            array = _constant(repr(value), value, dtype, like.device)
        else:
            array = to_device(value if is_array(value) else np.asarray(value), like.device)
    except ValueError as error:
        raise TypeError(f"expected numbers, got no regular array ({error})") from error
    if array.dtype.kind not in "fiub":
        kind = array.dtype if hasattr(value, "dtype") else type(value).__name__
        raise TypeError(f"expected a number, an array or a Tensor, got {kind}")
    return Tensor(array)


@lru_cache(maxsize=1024)
def _constant(text: str, value: float, dtype: Any, device: str) -> Array:
    """A number on another device, where it stays for the next time; 0 and -0 differ as text."""
    return to_device(np.asarray(value, dtype), device)


def _number_dtype(number: float, beside: np.dtype[Any]) -> np.dtype[Any] | None:
    """The dtype of a Python number beside a tensor of another dtype; None leaves it to NumPy."""
    if beside.kind == "f":
        return beside
    if isinstance(number, float):
        return np.dtype(np.float32)
    if beside.kind == "b":
        return beside if isinstance(number, bool) else None
    limits = np.iinfo(beside)
    return beside if limits.min <= number <= limits.max else None


def as_float(op: str, x: Tensor) -> Tensor:
    """The input of the op itself if it holds floats, else as float32."""
    check_tensor(op, x=x)
    return x if x.dtype.kind == "f" else to(x, np.float32)


def binary_operands(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both operands of a binary op as Tensors; integers beside floats take their dtype."""
    if isinstance(a, Tensor):
        b = as_tensor(b, like=a)
    else:
        b = as_tensor(b)
        a = as_tensor(a, like=b)
    if a.dtype == b.dtype or "f" not in (a.dtype.kind, b.dtype.kind):
        return a, b
    if a.dtype.kind != b.dtype.kind:
        dtype = a.dtype if a.dtype.kind == "f" else b.dtype
    else:
        dtype = np.promote_types(a.dtype, b.dtype)
    return to(a, dtype), to(b, dtype)  # as ops, so that each gradient has its tensor's dtype


def broadcast_operands(op: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """The same for an op that goes element by element. Raises ValueError for other shapes."""
    a, b = binary_operands(a, b)
    if a.shape != b.shape and a.shape and b.shape:
        check_broadcast(op, a=a, b=b)
    return a, b


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

    Raises DeviceError for a device that cannot be used, TypeError for what is no dtype of numbers.
    """
    if target is None or (not is_device_name(target) and np.dtype(target).kind not in "fiub"):
        raise TypeError(f"to: got {target!r}, expected a device or a dtype of numbers")
    is_there = x.device == target if is_device_name(target) else x.dtype == target
    return x if is_there else To.apply(x, target=target)

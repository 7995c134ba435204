"""Making tensors of what users write, and moving them between dtypes and devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..autograd import Function, Tensor
from ..backend import Array, device_of, is_array, is_device_name, on_device_of, to_device
from ..backend.arrays import plain_array
from ..backend.capture import cached_arrays
from .check import check_broadcast, check_tensor

TensorLike = Tensor | ArrayLike
"""A Tensor, or a number, nested lists or an array that become one."""
P = ParamSpec("P")
Result = TypeVar("Result")


def as_tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """The value itself if it is a Tensor, else a constant to be combined with ``like``.

    A number takes the dtype of ``like``, so that ``x * 2.0`` stays float32; a float combined with
    integers becomes float32, as in PyTorch. Raises TypeError for anything but real numbers.
    """
    if isinstance(value, Tensor):
        return value
    if like is not None and isinstance(value, np.generic):
        value = value.item()
    is_number = like is not None and isinstance(value, bool | int | float)
    dtype = _number_dtype(value, like.dtype) if like is not None and is_number else None
    try:
        if not is_number and (plain := plain_array("operand", value)) is not None:
            value = plain
        if like is None and is_array(value):
            array = value
        elif like is None or like.device == "cpu":
            array = np.asarray(value, dtype=dtype)
        elif is_number:
            array = _constant(repr(value), value, dtype, like.device)
        else:
            array = to_device(value if is_array(value) else np.asarray(value), like.device)
    except ValueError as error:
        raise TypeError(f"expected numbers, got an irregular array ({error})") from error
    if array.dtype.kind not in "fiub":
        kind = array.dtype if hasattr(value, "dtype") else type(value).__name__
        raise TypeError(f"expected a number, an array or a Tensor, got {kind}")
    return Tensor(array)


@cached_arrays(maxsize=1024)
def _constant(text: str, value: float, dtype: Any, device: str) -> Array:
    """A number as an array on another device, kept for the next call; as text 0 and -0 differ."""
    return to_device(np.asarray(value, dtype), device)


def _number_dtype(number: float, other: np.dtype[Any]) -> np.dtype[Any] | None:
    """The dtype of a Python number next to a tensor of dtype other; None leaves it to NumPy."""
    if other.kind == "f":
        return other
    if isinstance(number, float):
        return np.dtype(np.float32)
    if other.kind == "b":
        return other if isinstance(number, bool) else None
    limits = np.iinfo(other)
    return other if limits.min <= number <= limits.max else None


def as_float(op: str, x: Tensor) -> Tensor:
    """x itself if it holds floats, else converted to float32."""
    check_tensor(op, x=x)
    return x if x.dtype.kind == "f" else convert(x, np.float32)


def as_operands(a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """Both operands of a binary op as Tensors; integers next to floats take their dtype."""
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
    return convert(a, dtype), convert(b, dtype)  # as ops: each gradient has its tensor's dtype


def broadcast_operands(op: str, a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """``as_operands`` of an elementwise op. Raises ValueError for shapes that do not broadcast."""
    a, b = as_operands(a, b)
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
        return convert(grad, self.origin)


def convert(x: Tensor, target: DTypeLike) -> Tensor:
    """The tensor on a device (``"cpu"``) or in a dtype (``np.float64``); gradients flow back.

    Raises DeviceError for a device that cannot be used, TypeError for a dtype without numbers.
    """
    if target is None or (not is_device_name(target) and np.dtype(target).kind not in "fiub"):
        raise TypeError(f"to: got {target!r}, expected a device or a dtype of numbers")
    is_there = x.device == target if is_device_name(target) else x.dtype == target
    return x if is_there else To.apply(x, target=target)


def in_float32(op: Callable[P, Result]) -> Callable[P, Result]:
    """The op, which for a float16 tensor is computed in float32 and rounded once, at the end.

    For what adds up or counts, and for what needs a kernel: a sum of ones in float16 stops at 2048,
    a count above 65504 is infinite, and kernels take float32 and float64. The conversions are ops,
    so gradients are computed in float32 too. The first argument decides.

    On a GPU its device is entered: see ``autograd.on_device``.
    """
    first = op.__code__.co_varnames[0]  # its name, should it be passed by name

    @wraps(op)
    def computed(*args: P.args, **options: P.kwargs) -> Result:
        x = args[0] if args else options.get(first)
        if not isinstance(x, Tensor):
            return op(*args, **options)
        with on_device_of(x._array):
            if x._array.dtype.char != "e":  # a call of _is_half costs more
                return op(*args, **options)
            named = {name: _widened(value) for name, value in options.items()}
            return _narrowed(op(*map(_widened, args), **named))

    return computed


def _is_half(x: Any) -> bool:
    return isinstance(x, Tensor) and x._array.dtype.char == "e"


def is_half_with_number(a: TensorLike, b: TensorLike) -> bool:
    """Whether a float16 tensor meets a number, which may be infinite or 0 in float16."""
    x, number = (a, b) if isinstance(a, Tensor) else (b, a)
    return _is_half(x) and isinstance(number, int | float | np.generic)


def in_float16(op: Callable[..., Tensor], a: TensorLike, b: TensorLike) -> Tensor:
    """The op of a float16 tensor and a number, computed in float32 and rounded once."""
    return convert(op(_widened(a), _widened(b)), np.float16)


def _widened(x: Any) -> Any:
    return convert(x, np.float32) if _is_half(x) else x


def _narrowed(y: Any) -> Any:
    if isinstance(y, tuple):
        return tuple(map(_narrowed, y))
    return convert(y, np.float16) if y.dtype.kind == "f" else y

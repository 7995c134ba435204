"""Checks that many ops share; each error names the op, the argument, what it got and expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import DeviceError
from ..backend.geometry import Window, make_window, pixel_counts


def check_tensor(op: str, **arguments: Any) -> None:
    """Raise TypeError for an argument that is no Tensor."""
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{op}: {name} is a {kind}, expected a Tensor; see minicnn.tensor()")


def check_axis(op: str, x: Tensor, axis: Any) -> int:
    """The axis counted from the front. Raises TypeError or ValueError unless x has it."""
    check_tensor(op, x=x)
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"{op}: axis: got {axis!r}, expected an integer")
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{op}: axis: got {axis}, but shape {x.shape} has {x.ndim} axes")
    return int(axis) % x.ndim


def check_broadcast(op: str, **tensors: Tensor) -> None:
    """Raise ValueError unless the shapes broadcast together."""
    try:
        np.broadcast_shapes(*[t.shape for t in tensors.values()])
    except ValueError:
        shapes = ", ".join(f"{name} {t.shape}" for name, t in tensors.items())
        raise ValueError(f"{op}: the shapes do not broadcast together: {shapes}") from None


def check_images(op: str, x: Tensor) -> None:
    """Raise ValueError unless x has the four axes (N, C, H, W), TypeError unless it is a float."""
    check_tensor(op, x=x)
    if x.ndim != 4:
        raise ValueError(f"{op}: x has shape {x.shape}, expected four axes (N, C, H, W)")
    check_float(op, x)


def check_float(op: str, x: Tensor, **others: Any) -> None:
    """Raise TypeError unless x is a float and the others (None is left out) share its dtype."""
    check_tensor(op, x=x)
    if x.dtype.kind != "f":
        raise TypeError(f"{op}: x is {x.dtype}, expected floats; convert it with x.to('float32')")
    for name, other in others.items():
        if other is not None:
            check_tensor(op, **{name: other})
        if other is not None and other.dtype != x.dtype:
            raise TypeError(
                f"{op}: {name} is {other.dtype} but x is {x.dtype}, expected the same; "
                f"convert with x.to('{other.dtype}')"
            )


def check_device(op: str, x: Tensor, **others: Tensor | None) -> None:
    """Raise DeviceError unless the others (None is left out) are where x is."""
    for name, other in others.items():
        if other is not None and other.device != x.device:
            raise DeviceError(
                f"{op}: {name} of shape {other.shape} is on {other.device}, but x of shape "
                f'{x.shape} is on {x.device}; move one with .to("{x.device}")'
            )


def check_bias(op: str, bias: Tensor | None, outputs: int) -> None:
    """Raise ValueError unless bias is None or has one value for each output."""
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(f"{op}: bias has shape {bias.shape}, expected ({outputs},)")


def check_number(op: str, **argument: Any) -> float:
    """The one argument as a Python number, which leaves float32 be. Raises TypeError for others."""
    ((name, value),) = argument.items()
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if not is_number or isinstance(value, bool):
        raise TypeError(f"{op}: {name} is {value!r}, expected a number")
    return float(value)


def check_pool_window(
    op: str,
    x: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Window:
    """The window of a pooling of images; stride None means kernel_size.

    Raises ValueError when it does not fit, or where it would see nothing but padding.
    """
    check_images(op, x)
    stride = kernel_size if stride is None else stride
    height, width = x.shape[2:]
    window = make_window(op, (height, width), kernel_size, stride, padding, dilation, ceil_mode)
    if any(min(counts) == 0 for counts in pixel_counts(window)):
        raise ValueError(
            f"{op}: with padding {padding} some windows of size {kernel_size} hold no pixel "
            f"of the {height}x{width} input, only padding"
        )
    return window


def check_reduction(op: str, reduction: str) -> None:
    """Raise ValueError unless the reduction is one that losses know."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{op}: reduction is {reduction!r}, expected "mean", "sum" or "none"')

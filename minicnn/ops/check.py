"""Checks of Tensors that many ops share; each error names the op and the argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import DeviceError
from ..backend.geometry import PaddingForm, Window, make_window, pixel_counts
from ..checks import IntOrPair, check_integer


def check_tensor(op: str, **arguments: Any) -> None:
    """Raise TypeError for an argument that is not a Tensor."""
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{op}: {name} is a {kind}, expected a Tensor; see minicnn.tensor()")


def check_axis(op: str, x: Tensor, axis: Any, new: int = 0) -> int:
    """The axis counted from the front, of x with so many new axes.

    Raises TypeError unless it is an integer, ValueError if there is no such axis.
    """
    check_tensor(op, x=x)
    ndim = x.ndim + new
    number = axis if type(axis) is int else check_integer(f"{op}: axis", axis)
    if not -ndim <= number < ndim:
        added = " with the new one" if new else ""
        raise ValueError(f"{op}: axis: got {axis}, but shape {x.shape} has {ndim} axes{added}")
    return number % ndim


def check_axes(op: str, x: Tensor, axis: Any) -> tuple[int, ...]:
    """One axis, several, or (None) all, counted from the front and in order.

    Raises as ``check_axis`` does, and ValueError for an axis that is named twice.
    """
    check_tensor(op, x=x)
    if axis is None:
        return tuple(range(x.ndim))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(sorted([check_axis(op, x, a) for a in given]))
    if len(set(axes)) < len(axes):
        raise ValueError(f"{op}: axis: got {axis} for {x.shape}, expected each axis once")
    return axes


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
    """Raise TypeError unless x holds floats and the others (except None) have its dtype."""
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
    """Raise DeviceError unless the others (except None) are on the device of x."""
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


def check_pool_window(
    op: str,
    x: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None,
    padding: PaddingForm,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
) -> Window:
    """The window with which images are pooled; stride None means kernel_size.

    Raises ValueError when it does not fit, or where it would see only padding.
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

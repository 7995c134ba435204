"""Checks of Tensors that many ops share; each error names the op and the argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import DeviceError
from ..backend.geometry import PaddingForm, Sides, Window, make_window, pixel_counts
from ..checks import IntOrPair, Pair, check_integer


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


def check_images(op: str, x: Tensor) -> Pair:
    """The size (H, W) of the images x (N, C, H, W).

    Raises ValueError unless x has these four axes, TypeError unless it holds floats.
    """
    check_tensor(op, x=x)
    if x.ndim != 4:
        raise ValueError(f"{op}: x has shape {x.shape}, expected four axes (N, C, H, W)")
    check_float(op, x=x)
    return x.shape[2], x.shape[3]


def check_float(op: str, **tensors: Any) -> None:
    """Raise TypeError unless the first holds floats and the others (except None) have its dtype."""
    (first, x), *others = tensors.items()
    given = {name: t for name, t in others if t is not None}
    check_tensor(op, **{first: x}, **given)
    if x.dtype.kind != "f":
        scaled = " / 255 if these are the bytes of images" if x.dtype == np.uint8 else ""
        expected = f"expected floats; convert it with {first}.to('float32'){scaled}"
        raise TypeError(f"{op}: {first} is {x.dtype}, {expected}")
    for name, other in given.items():
        if other.dtype != x.dtype:
            raise TypeError(
                f"{op}: {name} is {other.dtype} but {first} is {x.dtype}, expected the same; "
                f"convert with {first}.to('{other.dtype}')"
            )


def check_device(op: str, x: Tensor, **others: Tensor | None) -> None:
    """Raise DeviceError unless the others (except None) are on the device of x."""
    for name, other in others.items():
        if other is not None and other.device != x.device:
            raise DeviceError(
                f"{op}: {name} of shape {other.shape} is on {other.device}, but x of shape "
                f'{x.shape} is on {x.device}; move one with .to("{x.device}")'
            )


def check_shape(op: str, expected: tuple[int, ...], of: str = "", **tensors: Tensor | None) -> None:
    """Raise ValueError unless the tensors (except None) have this shape; of: where it is from."""
    for name, t in tensors.items():
        if t is not None and t.shape != expected:
            raise ValueError(f"{op}: {name} has shape {t.shape}, expected {expected}{of}")


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
    height, width = check_images(op, x)
    stride = kernel_size if stride is None else stride
    window = make_window(op, (height, width), kernel_size, stride, padding, dilation, ceil_mode)
    if any(min(counts) == 0 for counts in pixel_counts(window)):
        raise ValueError(
            f"{op}: with padding {padding} some windows of size {kernel_size} hold no pixel "
            f"of the {height}x{width} input, only padding"
        )
    return window


def check_transposed_size(
    op: str, size: Pair, kernel: Pair, stride: Pair, cut: Sides, extra: Pair, dilation: Pair
) -> Pair:
    """The size (H, W) whose windows have so many places: OH = (H - 1)·stride + span - cut + extra.

    Raises ValueError for a size without pixels.
    """
    height, width = (
        (n - 1) * s + d * (k - 1) + 1 - before - after + e
        for n, k, s, (before, after), e, d in zip(
            size, kernel, stride, cut, extra, dilation, strict=True
        )
    )
    if min(size) < 1 or min(height, width) < 1:
        raise ValueError(
            f"{op}: a {size[0]}x{size[1]} input, kernel {kernel}, stride {stride} and padding "
            f"{cut} would give {height}x{width} pixels"
        )
    return height, width

"""Where the first NaN or infinity came from: the checks that ``detect_anomaly()`` turns on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..backend import array_module
from .tensor import Tensor


def check_forward(function: object, output: Tensor, inputs: Iterable[Tensor]) -> str:
    """Raise FloatingPointError if this op made a NaN or infinity; else where it was called."""
    name, called_at = type(function).__name__, _user_line()
    if _is_finite(output):
        return called_at
    for i, t in enumerate(inputs):
        if not _is_finite(t):
            raise FloatingPointError(f"{name} was given {_describe(t)} as input {i}")
    raise FloatingPointError(f"{name} made the first {_describe(output)} ({called_at})")


def check_backward(function: object, i: int, grad: Tensor, called_at: str) -> None:
    """Raise FloatingPointError if the gradient of input i has a NaN or infinity."""
    if not _is_finite(grad):
        name = type(function).__name__
        raise FloatingPointError(
            f"{name}.backward made the first {_describe(grad)} "
            f"in the gradient of its input {i} ({called_at})"
        )


def _is_finite(tensor: Tensor) -> bool:
    return bool(array_module(tensor.data).isfinite(tensor.data).all())


def _describe(tensor: Tensor) -> str:
    xp = array_module(tensor.data)
    index = tuple(int(i[0]) for i in xp.nonzero(~xp.isfinite(xp.atleast_1d(tensor.data))))
    value = float(xp.atleast_1d(tensor.data)[index])
    return f"{value} at index {index} of shape {tensor.shape}"


def _user_line() -> str:
    """The nearest caller outside this package."""
    package = str(Path(__file__).parent.parent) + os.sep
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

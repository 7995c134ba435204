"""Where the first NaN or infinity came from: the checks of ``detect_anomaly()``, on arrays."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..backend import Array, array_module


def check_forward(name: str, output: Array, inputs: Iterable[Array], called_at: str) -> None:
    """Raise FloatingPointError if the op of this name produced a NaN or infinity."""
    if _is_finite(output):
        return
    for i, array in enumerate(inputs):
        if not _is_finite(array):
            raise FloatingPointError(f"{name} was given {_describe(array)} as input {i}")
    raise FloatingPointError(f"{name} made the first {_describe(output)} ({called_at})")


def check_backward(name: str, i: int, grad: Array, called_at: str) -> None:
    """Raise FloatingPointError if the gradient of input i contains a NaN or infinity."""
    if not _is_finite(grad):
        raise FloatingPointError(
            f"{name}.backward made the first {_describe(grad)} "
            f"in the gradient of its input {i} ({called_at})"
        )


def _is_finite(array: Array) -> bool:
    return bool(array_module(array).isfinite(array).all())


def _describe(array: Array) -> str:
    xp = array_module(array)
    index = tuple(int(i[0]) for i in xp.nonzero(~xp.isfinite(xp.atleast_1d(array))))
    value = float(xp.atleast_1d(array)[index])
    return f"{value} at index {index} of shape {array.shape}"


def user_line() -> str:
    """The nearest caller outside this package, as file:line."""
    package = str(Path(__file__).parent.parent) + os.sep
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

"""NumPy memory that behaves like the memory of a GPU; what runs on it is in ``run.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..numpy_returning import NumPyReturning


class EmulatorArray(np.ndarray[Any, Any]):
    """NumPy memory that stands for the memory of a GPU, and behaves like CuPy's arrays.

    Everything computed from one is one too: an array without axes instead of a scalar, stored in
    the order of its axes. It cannot be mixed with arrays in the memory of the CPU.
    """

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        known = (np.ndarray, np.generic, int, float, tuple)
        if not all(isinstance(x, known) for x in inputs):
            return NotImplemented  # as CuPy: then it is the other operand's turn
        _check_mixed(ufunc.__name__, inputs, out)
        if method == "__call__" and out is None:
            options.setdefault("order", "C")
        elif out is not None:
            options["out"] = _as_numpy(out)
        result = getattr(ufunc, method)(*_as_numpy(inputs), **options)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return _computed(result)

    def __array_function__(
        self, function: Any, types: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        _check_mixed(function.__name__, list(args), *kwargs.values())
        keywords = {name: _as_numpy(value) for name, value in kwargs.items()}
        return _computed(function(*_as_numpy(tuple(args)), **keywords), function.__name__)

    def __getitem__(self, index: Any) -> Any:
        return _emulated(super().__getitem__(index))

    def argmax(self, *args: Any, **options: Any) -> Any:
        return _emulated(_as_numpy(self).argmax(*args, **options))

    def argmin(self, *args: Any, **options: Any) -> Any:
        return _emulated(_as_numpy(self).argmin(*args, **options))

    def __setitem__(self, index: Any, value: Any) -> None:
        _check_mixed("setitem", self, value)
        super().__setitem__(index, value)


def _check_mixed(name: str, *values: Any) -> None:
    for value in values:
        if isinstance(value, list | tuple):
            _check_mixed(name, *value)
        if isinstance(value, np.ndarray) and not isinstance(value, EmulatorArray):
            raise TypeError(f"{name}: cannot mix an array of the CPU with one of the emulator")


def _as_numpy(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_as_numpy, value))
    return value.view(np.ndarray) if isinstance(value, EmulatorArray) else value


def _emulated(result: Any) -> Any:
    if isinstance(result, list | tuple):
        return type(result)(map(_emulated, result))
    is_value = isinstance(result, np.ndarray | np.generic)
    return np.asarray(result).view(EmulatorArray) if is_value else result


def _computed(result: Any, name: str = "") -> Any:
    """A result as arrays of the emulator; new ones are stored in the order of their axes."""
    if isinstance(result, np.ndarray) and result.base is None and name != "empty_like":
        result = np.asarray(result, order="C")
    return _emulated(result)


POISON = {1: 0xBD, 4: 0x7FCDBAD5, 8: 0x7FF9B75AA0000000}
"""What fills memory that was never written, for each size in bytes; see ``memory.h``.

As a float each is NaN, as an integer an unlikely one, and as a bool neither False nor True.
"""


class _EmulatedNumPy(NumPyReturning):
    """NumPy with functions that return arrays of the emulator."""

    def empty(self, *args: Any, **kwargs: Any) -> Any:
        return _poisoned(np.empty(*args, **kwargs))

    def empty_like(self, *args: Any, **kwargs: Any) -> Any:
        return _poisoned(np.empty_like(*args, **kwargs))


def _poisoned(new: Any) -> EmulatorArray:
    """A new array that a kernel must write before it is read; one of other sizes as it is."""
    memory, size = np.asarray(new), new.dtype.itemsize
    if size in POISON and memory.dtype.kind in ("fiub" if size > 1 else "b"):
        memory.view(f"u{size}").fill(POISON[size])
    return memory.view(EmulatorArray)


emulated_numpy = _EmulatedNumPy("emulated_numpy", _emulated)

"""What a function asks of the native device, recorded once and asked for again by one call.

Each kernel is noted with its arguments, and each call of NumPy with its inputs and an array for its
result. Running the recording computes all of it again into the same arrays, and Python only does
what NumPy is needed for: a small network spends more time in Python than in its kernels.

While it records, arrays are ``RecordingArray``s: NumPy tells them about every function that gets
one. What a recording could not repeat raises an error: numbers that are read in Python.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..numpy_returning import NumPyReturning
from .array import NativeArray, address_of, as_native, empty, empty_like
from .memory import Memory

Call = Callable[[], object]


class Recording:
    """Kernels and calls of NumPy in the order in which they were asked for."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._calls: list[Call] = []
        self._kernels: list[tuple[int, bytes, int]] = []
        self._held: list[Any] = []

    def add_kernel(
        self, function: int, form: struct.Struct, shares: int, arguments: Sequence[Any]
    ) -> None:
        """A kernel that has been run.

        Of arrays in the memory of the recording only the address is noted, so that they can be
        freed, and their memory used again, as in any program.
        """
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        addresses = np.array([address_of(a) for a in arrays], np.uint64)
        # A kernel gets the address of an object, at whose head the address of the data stands.
        place = address_of(addresses) - object.__basicsize__
        slots = []
        for argument in arguments:
            slots.append(place if isinstance(argument, np.ndarray) else argument)
            place += 8 * isinstance(argument, np.ndarray)
        self._kernels.append((function, form.pack(*slots), shares))
        self._held += [addresses, *(a for a in arrays if not self._memory.holds(a))]

    def empty(self, shape: Any, dtype: Any = float) -> Any:
        """``empty``, in the memory of the recording."""
        return empty(shape, dtype, self._memory.take).view(RecordingArray)

    def compute(
        self, function: Callable[..., Any], arguments: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        """Call a function of NumPy, and note it if it made something new."""
        given, named = _plain(arguments), _plain(options)
        result = function(*given, **named)
        out = options.get("out")
        if out is not None:
            self._add(lambda: function(*given, **named))
            return out[0] if isinstance(out, tuple) and len(out) == 1 else out
        if result is None:  # it wrote into an argument
            self._add(lambda: function(*given, **named))
            return None
        if isinstance(result, list | tuple):
            return type(result)(self._keep(part, given, named) for part in result)
        if not isinstance(result, np.ndarray | np.generic):
            return result
        if _is_view(result, given):
            return result.view(RecordingArray)
        target = np.asarray(result)

        def repeat() -> None:
            np.copyto(target, function(*given, **named))

        self._add(repeat)
        return target.view(RecordingArray)

    def _keep(self, part: Any, given: Any, named: Any) -> Any:
        if isinstance(part, np.ndarray) and _is_view(part, given):
            return part.view(RecordingArray)
        raise RuntimeError("a function with several results cannot be recorded")

    def _add(self, call: Call) -> None:
        self._close_kernels()
        self._calls.append(call)

    def _close_kernels(self) -> None:
        """The kernels so far become one call."""
        from .run import run_together

        if not self._kernels:
            return
        slots = np.frombuffer(b"".join(text for _, text, _ in self._kernels), np.uint8)
        self._held.append(slots)
        start, table = address_of(slots), np.empty((len(self._kernels), 3), np.int64)
        for i, (function, text, shares) in enumerate(self._kernels):
            table[i] = function, start, shares
            start += len(text)
        self._calls.append(partial(run_together, table))
        self._kernels = []

    def finish(self) -> None:
        """Nothing more will be added."""
        self._close_kernels()

    def run(self) -> None:
        """Compute everything again."""
        for call in self._calls:
            call()


def _plain(value: Any) -> Any:
    """RecordingArrays as plain arrays of the same memory, in tuples, lists and dicts too."""
    if isinstance(value, np.ndarray):
        return value.view(np.ndarray) if type(value) is not np.ndarray else value
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value


def _is_view(result: Any, given: Any) -> bool:
    """Whether a result lies in the memory of an argument."""
    if not isinstance(result, np.ndarray) or result.size == 0:
        return False
    arrays = [part for part in given if isinstance(part, np.ndarray)]
    arrays += [x for part in given if isinstance(part, list | tuple) for x in part
               if isinstance(x, np.ndarray)]  # fmt: skip
    return any(np.may_share_memory(result, array) for array in arrays)


class _State(threading.local):
    recording: Recording | None = None


_state = _State()


def current_recording() -> Recording | None:
    """The recording that this thread makes."""
    return _state.recording


class recording_into:  # noqa: N801 - used as a context
    """A context in which this thread records."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def __enter__(self) -> None:
        _state.recording = self._recording

    def __exit__(self, *_: object) -> None:
        _state.recording = None


def _compute(
    function: Callable[..., Any], arguments: Sequence[Any], options: dict[str, Any]
) -> Any:
    recording = _state.recording
    if recording is None:  # an array that was kept after its recording
        return as_native(function(*_plain(arguments), **_plain(options)))
    return recording.compute(function, arguments, options)


class RecordingArray(NativeArray):
    """An array of the device "native" while a step is recorded."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return _compute(getattr(ufunc, method), inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _compute(function, args, kwargs)

    def __setitem__(self, index: Any, value: Any) -> None:
        _compute(np.ndarray.__setitem__, (self, index, value), {})

    def __getitem__(self, index: Any) -> Any:
        return _compute(np.ndarray.__getitem__, (self, index), {})


def _recorded(name: str) -> Callable[..., Any]:
    function = getattr(np.ndarray, name)

    def method(self: RecordingArray, *args: Any, **options: Any) -> Any:
        return _compute(function, (self, *args), options)

    return method


def _refused(name: str) -> Callable[..., Any]:
    function = getattr(np.ndarray, name)

    def method(self: RecordingArray, *args: Any, **options: Any) -> Any:
        if _state.recording is not None:
            raise RuntimeError(f"{name} reads numbers of an array, which a recording cannot repeat")
        return function(self.view(np.ndarray), *args, **options)

    return method


COMPUTING = (
    "all any argmax argmin argsort astype choose clip compress copy cumsum diagonal dot fill "
    "flatten max mean min prod ravel repeat reshape round squeeze std sum swapaxes take transpose "
    "var"
)
"""Methods of an array that are noted."""
READING = "item tolist tobytes __bool__ __float__ __int__ __index__"
"""Methods that bring numbers to Python, which decides by them: no replay can repeat that."""

for _name in COMPUTING.split():
    setattr(RecordingArray, _name, _recorded(_name))
for _name in READING.split():
    setattr(RecordingArray, _name, _refused(_name))


class _RecordingNumPy(NumPyReturning):
    """NumPy whose functions are recorded while a recording is made."""

    def _converted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **options: Any) -> Any:
            return _compute(function, args, options)

        if isinstance(function, np.ufunc):
            wrapper.at = lambda *args: _compute(function.at, args, {})  # type: ignore[attr-defined]
        return wrapper


recording_numpy = _RecordingNumPy("recording_numpy", as_native)
"""NumPy for arrays of a recording."""


def _empty(shape: Any, dtype: Any = float) -> Any:
    recording = _state.recording
    return empty(shape, dtype) if recording is None else recording.empty(shape, dtype)


def _empty_like(x: Any, dtype: Any = None, **options: Any) -> Any:
    return empty_like(x.view(NativeArray), dtype, new=_empty, **options)


recording_numpy.empty = _empty  # type: ignore[attr-defined]
recording_numpy.empty_like = _empty_like  # type: ignore[attr-defined]

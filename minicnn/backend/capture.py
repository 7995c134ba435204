"""What a function asks of a device is recorded once, and asked for again by one call.

The arrays of a recording keep their places in memory. So what differs from one replay to the
next has to reach it through an array: its inputs, labels, and the keys of random numbers
(``Capture.key``). What a program asks about labels on the CPU is asked again before each replay
(``answer``). On a GPU the recording is a CUDA graph (``cuda/graph.py``), on the device "native" a
list of kernels (``native/capture.py``).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np

from .arrays import Array, array_module, is_gpu_array, is_in_cpu_memory
from .devices import on_device_of
from .random import draw_key, generator_state, set_generator_state

Result = TypeVar("Result")
Question = Callable[[Array], Any]
"""A condition on an array: a frozen dataclass and no lambda, since equal ones are asked once."""
MOST_KEYS = 1 << 10


class Capture:
    """A recording on one device, which may be made again and again; a subclass for each device.

    like: any array on that device. ``computes`` tells whether the function is computed while it is
    recorded.
    """

    computes = False

    def __init__(self, like: Array) -> None:
        with on_device_of(like):
            self._keys = array_module(like).zeros(MOST_KEYS, np.uint64)
        self.forget()

    def forget(self) -> None:
        """Give up the recording; its memory stays for the next one."""
        self._is_recording = False
        self._held: list[Any] = []
        self._labels: dict[int, tuple[int, Array, Array]] = {}
        self._answers: dict[tuple[int, Question], bool] = {}
        self._drawn: list[int] = []
        self._draws = 0

    def seen_by_recordings(self, x: Array) -> Array:
        """The array as the function has to get it while it is recorded, in the same memory."""
        return x

    def seen_outside(self, x: Array) -> Array:
        """A result of the recording as others get it, in the same memory."""
        return x

    def warm_up(
        self, function: Callable[[], Result], labels: Sequence[tuple[Array, Array]]
    ) -> Result:
        """Run the function at once, with the kernels and the memory that a recording would have.

        What is compiled, cached or allocated when it is first used then need not be recorded.
        """
        return self._run(lambda: self._warm_up(function), labels)

    def record(
        self, function: Callable[[], Result], labels: Sequence[tuple[Array, Array]]
    ) -> Result:
        """Record what the function asks of the device; ``replay`` computes it.

        labels: arrays on the device that the function reads, each with a copy of it on the CPU.
        Errors of the function are passed on, and then there is no recording. Raises RuntimeError
        for what cannot be repeated: numbers that are read in Python, arrays that come from or go to
        the CPU, random numbers that a replay would not draw again.
        """
        return self._run(lambda: self._checked(function), labels)

    def _run(self, function: Callable[[], Result], labels: Sequence[tuple[Array, Array]]) -> Result:
        self.forget()
        for i, (there, here) in enumerate(labels):
            self._labels[id(there)] = i, there, here
        _state.capture, random_state = self, generator_state()
        try:
            return function()
        except BaseException:
            self.forget()
            set_generator_state(random_state)
            raise
        finally:
            _state.capture = None
            self._labels.clear()

    def _checked(self, function: Callable[[], Result]) -> Result:
        before = _random_states()
        self._is_recording = True
        result = self._record(function)
        self._check_draws(before)
        return result

    def _warm_up(self, function: Callable[[], Result]) -> Result:
        raise NotImplementedError

    def _record(self, function: Callable[[], Result]) -> Result:
        raise NotImplementedError

    def _launch(self) -> None:
        raise NotImplementedError

    def accepts(self, labels: Sequence[Array]) -> bool:
        """Whether the recording computes the right thing for these labels, given on the CPU."""
        return all(bool(question(labels[i])) == b for (i, question), b in self._answers.items())

    def free_other_memory(self) -> None:
        """Give memory that is kept for later arrays back, so that the recording can have it."""

    def replay(self) -> None:
        """Compute it: what was not computed yet with the random numbers of the recording."""
        keys = self._drawn or [draw_key() for _ in range(self._draws)]
        self._drawn = []
        if keys:
            write(self._keys[: len(keys)], np.array(keys, np.uint64))
        with on_device_of(self._keys):
            self._launch()

    def key(self, key: int) -> Array:
        """An array with this key, from ``draw_key``, and at each replay with another one."""
        if self._draws == MOST_KEYS:
            raise RuntimeError(f"got more than {MOST_KEYS} calls of dropout in one step")
        self._draws += 1
        place = self._keys[self._draws - 1 : self._draws]
        if self.computes or not self._is_recording:
            write(place, np.array([key], np.uint64))
        else:
            self._drawn.append(key)
        return self.seen_by_recordings(place) if self._is_recording else place

    def _check_draws(self, before: list[Any]) -> None:
        """Raise RuntimeError if the function drew numbers that a replay would not draw again."""
        after = _random_states()
        set_generator_state(before[0])
        for _ in range(self._draws):
            draw_key()
        if generator_state() != after[0] or not _equal(before[1:], after[1:]):
            raise RuntimeError(
                "random numbers were drawn on the CPU; a graph would use the same ones each time"
            )


def new_capture(like: Array) -> Capture:
    """A Capture for the device of an array, a GPU or "native"."""
    if is_gpu_array(like):
        from .cuda.graph import CudaGraph

        return CudaGraph(like)
    from .native.capture import NativeCapture

    return NativeCapture(like)


class _State(threading.local):
    capture: Capture | None = None


_state = _State()


def current_capture() -> Capture | None:
    """The graph that this thread is capturing, or warming up for."""
    return _state.capture


def is_capturing() -> bool:
    """Whether a graph is captured or warmed up for, also by a program that uses CuPy itself."""
    if _state.capture is not None:
        return True
    return bool(sys.modules["cupy"].cuda.get_current_stream().is_capturing())


def answer(x: Array, question: Question) -> bool:
    """What the question says of x, where x may be labels that a graph reads.

    Then their copy on the CPU is asked, and the graph is only for labels with the same answer.
    """
    capture = _state.capture
    labels = None if capture is None else capture._labels.get(id(x))
    if capture is None or labels is None:
        return bool(question(x))
    number, _, on_cpu = labels
    found = capture._answers[number, question] = bool(question(on_cpu))
    return found


def is_known(x: Array) -> bool:
    """Whether ``answer`` need not wait for a GPU."""
    is_label = _state.capture is not None and id(x) in _state.capture._labels
    return is_label or is_in_cpu_memory(x)


def cached_arrays(maxsize: int) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """``lru_cache`` for a function that makes arrays: a graph keeps those that it has read."""

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        cached = lru_cache(maxsize)(function)

        @wraps(function)
        def get(*arguments: Any) -> Result:
            result = cached(*arguments)
            if _state.capture is not None:
                _state.capture._held.append(result)
            return result

        get.cache_clear = cached.cache_clear  # type: ignore[attr-defined]
        return get

    return decorate


def write(x: Array, values: Array) -> None:
    """Overwrite x, contiguous on a GPU, with values there or on the CPU, without waiting."""
    target: Any = x
    if not is_gpu_array(x):
        np.copyto(x.view(np.ndarray), values.view(np.ndarray))
        return
    with on_device_of(x):
        if is_gpu_array(values):
            target[...] = values
        else:
            target.set(np.asarray(values, x.dtype))


def _random_states() -> list[Any]:
    """The states of the generators that a program may draw from: minicnn's, NumPy's, Python's."""
    states: list[Any] = [generator_state()]
    if "numpy.random" in sys.modules:
        states.append(np.random.get_state(legacy=False))
    if "random" in sys.modules:
        states.append(sys.modules["random"].getstate())
    return states


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)

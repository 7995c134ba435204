"""Seeded random numbers: one global generator for initial weights, dropout and shuffling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from ..checks import brief, check_integer


class Part(NamedTuple):
    """The images start to stop of a batch of ``whole`` images, which a process computes."""

    start: int
    stop: int
    whole: int

    @property
    def images(self) -> int:
        """How many these are."""
        return self.stop - self.start


_global: np.random.Generator | None = None  # created on first use: numpy.random loads slowly


def manual_seed(seed: int) -> None:
    """Restart the global generator: the same seed gives the same random numbers, bit for bit.

    All threads share it: threads that draw at the same time get the numbers in the order in which
    they happen to ask.

    Raises TypeError for a seed that is not an integer, ValueError for one below 0.

    >>> mc.manual_seed(7)
    >>> first = mc.nn.Linear(2, 3).weight.numpy()
    >>> mc.manual_seed(7)
    >>> np.array_equal(mc.nn.Linear(2, 3).weight.numpy(), first)
    True
    """
    global _global
    _global = _seeded(seed)


def generator(seed: int | None = None) -> np.random.Generator:
    """The global generator, or with a seed a new one. Raises the errors of manual_seed."""
    global _global
    if seed is None:
        _global = _global or np.random.Generator(np.random.PCG64())
        return _global
    return _seeded(seed)


def draw_key() -> int:
    """A key for ``Kernels.uniform`` from the global generator."""
    return int(generator().integers(2**63))


@contextmanager
def computing(part: Part) -> Iterator[None]:
    """While this part of a batch is computed, an image gets the numbers it has in the whole one."""
    before = _part.get()
    _part.set(part)
    try:
        yield
    finally:
        _part.set(before)


def part_of_batch(images: int) -> Part | None:
    """The part that is being computed, if so many images are one and not the whole batch."""
    part = _part.get()
    return part if part is not None and images == part.images < part.whole else None


_part: ContextVar[Part | None] = ContextVar("part", default=None)


def generator_state() -> dict[str, Any]:
    """The state of the global generator, as values that JSON can hold."""
    return dict(generator().bit_generator.state)


def set_generator_state(state: Mapping[str, Any]) -> None:
    """Continue the global generator from a ``generator_state()``.

    Raises ValueError if it is not the state of such a generator.
    """
    fresh: np.random.BitGenerator = np.random.PCG64()
    try:
        fresh.state = state
        if fresh.state["state"]["inc"] % 2 == 0:
            raise ValueError("an even increment, which does not reach all numbers")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {brief(str(error))}"
        raise ValueError(f"state: not the state of a PCG64 generator ({reason})") from error
    generator().bit_generator.state = fresh.state  # only a whole one


def _seeded(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(check_integer("seed", seed, least=0)))

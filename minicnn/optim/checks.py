"""Checks of the options that optimizers, schedules and clipping are given."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

RANGES: dict[str, Callable[[Any], bool]] = {
    "of 0 or more": lambda x: 0 <= x < math.inf,
    "of 0 or more, or inf": lambda x: x >= 0,
    "above 0": lambda x: 0 < x < math.inf,
    "above 0, or inf": lambda x: x > 0,
    "from 0 to 1": lambda x: 0 <= x <= 1,
    "from 0 to below 1": lambda x: 0 <= x < 1,
}


def check_number(name: str, value: Any, expected: str = "of 0 or more") -> float:
    """The value as a float. Raises ValueError unless it lies in that one of the RANGES."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not RANGES[expected](value):
        raise ValueError(f"{name}: got {value!r}, expected a number {expected}")
    return float(value)


def check_integer(name: str, value: Any, least: int) -> int:
    """The value as an int. Raises ValueError unless it is a whole number of at least that."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}: got {value!r}, expected an integer of {least} or more")
    return int(value)


def check_choice(name: str, value: Any, choices: tuple[str, str]) -> str:
    """The value. Raises ValueError unless it is one of the two choices."""
    if value not in choices:
        raise ValueError(f"{name}: got {value!r}, expected {choices[0]!r} or {choices[1]!r}")
    return str(value)

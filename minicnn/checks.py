"""Checks of arguments, one rule everywhere: wrong type TypeError, wrong value ValueError.

Each takes the name that errors begin with ("conv2d: stride") and the value, and returns the value
in the type that the program uses. A bool is never accepted as a number.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Iterable
from numbers import Real
from typing import Any

import numpy as np

Pair = tuple[int, int]
IntOrPair = int | Pair
"""A size as users write it: one integer for both axes, or (height, width)."""

RANGES: dict[str, Callable[[float], bool]] = {
    "a number": lambda x: True,
    "a finite number": math.isfinite,
    "a number of 0 or more": lambda x: 0 <= x < math.inf,
    "a number of 0 or more, or inf": lambda x: x >= 0,
    "a number above 0": lambda x: 0 < x < math.inf,
    "a number above 0, or inf": lambda x: x > 0,
    "a number from 0 to 1": lambda x: 0 <= x <= 1,
    "a number from 0 to below 1": lambda x: 0 <= x < 1,
}


def is_integer(value: object) -> bool:
    """Whether the value is what ``operator.index`` takes, and not a bool."""
    if type(value) is int:  # nearly always
        return True
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return not isinstance(value, bool)


def check_integer(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """The value as an int. Raises TypeError for what is not an integer, ValueError for the range.

    >>> check_integer("epochs", 0, least=1)
    Traceback (most recent call last):
    ValueError: epochs: got 0, expected an integer of 1 or more
    """
    expected = f"an integer{_limits(least, most)}"
    if not is_integer(value):
        raise TypeError(f"{name}: got {brief(value)}, expected {expected}")
    number = operator.index(value)
    if (least is not None and number < least) or (most is not None and number > most):
        raise ValueError(f"{name}: got {brief(value)}, expected {expected}")
    return number


def check_number(name: str, value: Any, expected: str = "a number") -> float:
    """The value as a Python float, so that float32 is not promoted; expected: one of the RANGES.

    >>> check_number("lr", -1, "a number of 0 or more")
    Traceback (most recent call last):
    ValueError: lr: got -1, expected a number of 0 or more
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name}: got {brief(value)}, expected {expected}")
    number: float | None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond float64
        number = None
    if number is None or not RANGES[expected](number):
        raise ValueError(f"{name}: got {brief(value)}, expected {expected}")
    return number


def check_flag(name: str, value: Any) -> bool:
    """The value as a bool: a text such as "no" would count as true.

    >>> mc.checks.check_flag("ceil_mode", "no")
    Traceback (most recent call last):
    TypeError: ceil_mode: got 'no', expected True or False
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: got {brief(value)}, expected True or False")
    return bool(value)


def check_pair(name: str, value: Any, least: int | None = 1) -> Pair:
    """The value as (height, width); one integer stands for both.

    >>> check_pair("conv2d: stride", 2)
    (2, 2)
    """
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2 or not all(map(is_integer, both)):
        raise TypeError(f"{name}: got {brief(value)}, expected an integer or a pair of integers")
    height, width = map(operator.index, both)
    if least is not None and min(height, width) < least:
        raise ValueError(f"{name}: got {brief(value)}, expected {least} or more")
    return height, width


def check_number_pair(name: str, value: Any, expected: str = "a number") -> tuple[float, float]:
    """The value as two Python floats; expected: one of the RANGES, for both of them.

    >>> check_number_pair("Adam: betas", (0.9, 1.5), "a number from 0 to below 1")
    Traceback (most recent call last):
    ValueError: Adam: betas[1]: got 1.5, expected a number from 0 to below 1
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name}: got {brief(value)}, expected a pair of numbers")
    first, second = value
    return (
        check_number(f"{name}[0]", first, expected),
        check_number(f"{name}[1]", second, expected),
    )


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """The value, one of these strings. Raises TypeError for what is not a string.

    >>> check_choice("mode", "mid", ("min", "max"))
    Traceback (most recent call last):
    ValueError: mode: got 'mid', expected 'min' or 'max'
    """
    *others, last = map(repr, choices)
    expected = f"{', '.join(others)} or {last}" if others else last
    if not isinstance(value, str):
        raise TypeError(f"{name}: got {brief(value)}, expected {expected}")
    if value not in choices:
        raise ValueError(f"{name}: got {brief(value)}, expected {expected}")
    return value


def _limits(least: int | None, most: int | None) -> str:
    if least is None:
        return "" if most is None else f" up to {most}"
    return f" of {least} or more" if most is None else f" from {least} to {most}"


def brief(value: Any) -> str:
    """The value in an error: its ``repr`` on one line, at most 80 characters.

    >>> mc.checks.brief([0] * 1000)[-9:]
    ', 0, 0...'
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep, or thousands of digits
        text = f"a {type(value).__name__} that is too long to show"
    if "\n" in text:  # of an array
        text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def few(names: Iterable[str]) -> str:
    """The first three names, and how many more there are.

    >>> mc.checks.few("abcde")
    'a, b, c and 2 more'
    """
    every = list(names)
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")

"""Checks of state dicts, which may come from a file: what fields there are, and what each may be.

Each check takes the name that errors begin with and the value, and returns the value. Anything
wrong is a ValueError, since the caller gave a state and not this value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .checks import brief, check_flag, check_integer, check_number

Check = Callable[[str, Any], Any]

MOST = 2**53
"""The largest count: float64 and int64 hold every integer up to it, and one more."""


def fields(checks: Mapping[str, Check], may_lack: Collection[str] = ()) -> Check:
    """Check of a mapping with these fields; may_lack: those that it need not have.

    >>> check = mc.fields.fields({"epoch": mc.fields.count, "loss": mc.fields.number()})
    >>> check("state dict", {"epoch": 3, "loss": 0.5})
    {'epoch': 3, 'loss': 0.5}
    >>> check("state dict", {"epoch": -3, "loss": 0.5})
    Traceback (most recent call last):
    ValueError: state dict: epoch: got -3, expected an integer from 0 to 9007199254740992
    """

    def check(name: str, value: Any) -> dict[str, Any]:
        missing = [key for key in checks if key not in mapping(name, value)]
        if needed := [key for key in missing if key not in may_lack]:
            raise ValueError(f"{name}: is without {', '.join(needed)}")
        return {
            key: check_field(f"{name}: {key}", value[key])
            for key, check_field in checks.items()
            if key not in missing
        }

    return check


def values(check: Check) -> Check:
    """Check of a mapping of text to values, each checked."""
    return lambda name, value: {
        key: check(f"{name}: {key}", item) for key, item in mapping(name, value).items()
    }


def items(check: Check, length: int | None = None) -> Check:
    """Check of a list of values, each checked; length: how many there must be."""

    def check_all(name: str, value: Any) -> list[Any]:
        many = "a list" if length is None else f"a list of {length}"
        if not isinstance(value, list | tuple) or length not in (None, len(value)):
            raise ValueError(f"{name}: got {brief(value)}, expected {many}")
        return [check(f"{name}[{i}]", item) for i, item in enumerate(value)]

    return check_all


def pair(first: Check, second: Check) -> Check:
    """Check of a list of two values, each with its own check."""

    def check_both(name: str, value: Any) -> tuple[Any, Any]:
        a, b = items(anything, 2)(name, value)
        return first(f"{name}[0]", a), second(f"{name}[1]", b)

    return check_both


def optional(check: Check) -> Check:
    """Check of a value that may be None."""
    return lambda name, value: None if value is None else check(name, value)


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """A mapping of text to anything, which is not checked."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{name}: got {brief(value)}, expected values by name")
    return value


def anything(name: str, value: Any) -> Any:
    """What its owner checks."""
    return value


def text(name: str, value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError(f"{name}: got {brief(value)}, expected text")
    return value


def plain(name: str, value: Any) -> Any:
    """Text, a number, True, False, None, or a list of such."""
    if isinstance(value, list | tuple):
        return [plain(f"{name}[{i}]", item) for i, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{name}: got {brief(value)}, expected text or numbers")


def _as_value_error(check: Callable[[str, Any], Any]) -> Check:
    def checked(name: str, value: Any) -> Any:
        try:
            return check(name, value)
        except TypeError as error:
            raise ValueError(str(error)) from error

    return checked


def number(expected: str = "a number") -> Check:
    """Check of a number, which may be an integer; expected: one of ``checks.RANGES``."""
    return _as_value_error(lambda name, value: check_number(name, value, expected))


count: Check = _as_value_error(lambda name, value: check_integer(name, value, 0, MOST))
flag: Check = _as_value_error(check_flag)

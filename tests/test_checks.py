"""The one rule for arguments: a wrong type is TypeError, a wrong value ValueError."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from minicnn.checks import (
    check_choice,
    check_integer,
    check_number,
    check_number_pair,
    check_pair,
)


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_integers(value: Any) -> None:
    assert type(check_integer("n", value, least=0)) is int
    assert check_integer("n", value) == 3


@pytest.mark.parametrize("value", [3.0, np.float32(3), True, np.True_, "3", None, [3]])
def test_what_is_not_an_integer(value: Any) -> None:
    with pytest.raises(TypeError, match="^op: n: got .*, expected an integer of 1 or more$"):
        check_integer("op: n", value, least=1)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((4, None), "of 4 or more"), ((None, 2), "up to 2"), ((0, 2), "from 0 to 2")],
)
def test_integers_out_of_range(limits: tuple[Any, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=f"^n: got 3, expected an integer {expected}$"):
        check_integer("n", 3, *limits)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2)])
def test_numbers(value: Any) -> None:
    assert type(check_number("x", value)) is float


@pytest.mark.parametrize("value", ["2", None, True, 2j, [2.0], np.zeros(1)])
def test_what_is_not_a_number(value: Any) -> None:
    with pytest.raises(TypeError, match="^x: got .*, expected a finite number$"):
        check_number("x", value, "a finite number")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, "a finite number"),
        (math.inf, "a number of 0 or more"),
        (math.nan, "a number of 0 or more, or inf"),
        (0, "a number above 0"),
        (-1, "a number above 0, or inf"),
        (1.5, "a number from 0 to 1"),
        (1, "a number from 0 to below 1"),
    ],
)
def test_numbers_out_of_range(value: float, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^x: got {value}, expected {expected}$"):
        check_number("x", value, expected)


def test_a_number_beyond_float64() -> None:
    with pytest.raises(ValueError, match=r"^x: got 1000*\.\.\., expected a number$"):
        check_number("x", 10**400)
    with pytest.raises(ValueError, match=r"^x: got a int that is too long to show, expected a n"):
        check_number("x", 10**5000)


def test_a_value_is_shown_on_one_short_line() -> None:
    with pytest.raises(
        TypeError, match=r"^n: got array\(\[\[0\., 0\., .*\.\.\., expected an integer$"
    ):
        check_integer("n", np.zeros((9, 9)))


def test_pairs() -> None:
    assert check_pair("k", 3) == (3, 3)
    assert check_pair("k", [1, np.int8(2)]) == (1, 2)
    assert check_pair("k", -3, least=None) == (-3, -3)
    with pytest.raises(ValueError, match=r"^k: got \(1, 0\), expected 1 or more$"):
        check_pair("k", (1, 0))


@pytest.mark.parametrize("value", [1.5, "2", (1, 2, 3), (1, 2.0), None, True])
def test_what_is_not_a_pair(value: Any) -> None:
    with pytest.raises(TypeError, match="^k: got .*, expected an integer or a pair of integers$"):
        check_pair("k", value)


def test_number_pairs() -> None:
    assert check_number_pair("p", [1, np.float32(2)]) == (1.0, 2.0)
    with pytest.raises(ValueError, match=r"^p\[1\]: got 0, expected a number above 0$"):
        check_number_pair("p", (1, 0), "a number above 0")
    with pytest.raises(TypeError, match=r"^p\[0\]: got 'a', expected a number$"):
        check_number_pair("p", ("a", 0))


@pytest.mark.parametrize("value", [1.5, "ab", (1, 2, 3), (1,), None])
def test_what_is_not_a_pair_of_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match="^p: got .*, expected a pair of numbers$"):
        check_number_pair("p", value)


def test_choices() -> None:
    assert check_choice("mode", "max", ("min", "max")) == "max"
    with pytest.raises(ValueError, match="^mode: got 'mid', expected 'min' or 'max'$"):
        check_choice("mode", "mid", ("min", "max"))
    with pytest.raises(TypeError, match="^mode: got 0, expected 'a', 'b' or 'c'$"):
        check_choice("mode", 0, ["a", "b", "c"])

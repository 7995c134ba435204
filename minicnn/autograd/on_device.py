"""Functions that compute with arrays outside of a Function, on the GPU that holds them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..backend import on_device_of
from .tensor import Tensor

P = ParamSpec("P")
Result = TypeVar("Result")


def on_device(function: Callable[P, Result]) -> Callable[P, Result]:
    """The function, which runs with the GPU of its first Tensor as the current one.

    ``Function.apply`` and ``backward`` enter the GPU of their inputs themselves; this is for what
    calls CuPy in between, such as the check of class indices. CuPy would compute on the GPU that
    happens to be the current one.
    """

    @wraps(function)
    def entered(*args: P.args, **options: P.kwargs) -> Result:
        for x in (*args, *options.values()):
            if isinstance(x, Tensor):
                with on_device_of(x._array):
                    return function(*args, **options)
        return function(*args, **options)

    return entered

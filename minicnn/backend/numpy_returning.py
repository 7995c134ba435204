"""NumPy as the array library of another type of arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np


class NumPyReturning(ModuleType):
    """NumPy with functions whose results are converted to arrays of another type."""

    def __init__(self, name: str, convert: Callable[[Any], Any]) -> None:
        super().__init__(name)
        self._convert = convert

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        setattr(self, name, self._converted(found))
        return getattr(self, name)

    def _converted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        convert = self._convert

        @wraps(function, updated=())
        def wrapper(*args: Any, **options: Any) -> Any:
            return convert(function(*args, **options))

        if isinstance(function, np.ufunc):
            wrapper.at = function.at  # type: ignore[attr-defined]
        return wrapper

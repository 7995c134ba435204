"""The two modes of a thread: whether operations are recorded, and whether NaN stops them."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, ClassVar

GENERATOR = 0x20  # inspect.CO_GENERATOR, without loading inspect


class _State(threading.local):
    grad_enabled = True
    detect_anomaly = False


state = _State()
"""What this thread does at the moment."""


class _Mode(contextlib.ContextDecorator):
    """Set one attribute of the state inside a ``with`` block or a decorated function."""

    _attribute: ClassVar[str]
    _inside: ClassVar[bool]

    def __init__(self) -> None:
        self._before: list[bool] = []  # a list, since one object may be entered twice

    def __enter__(self) -> None:
        self._before.append(getattr(state, self._attribute))
        setattr(state, self._attribute, self._inside)

    def __exit__(self, *_: object) -> None:
        setattr(state, self._attribute, self._before.pop())

    def __call__(self, function: Any) -> Any:
        if function.__code__.co_flags & GENERATOR:
            mode = type(self).__name__
            raise TypeError(
                f"{mode}: {function.__name__} is a generator; write with {mode}(): inside it"
            )
        return super().__call__(function)

    def _recreate_cm(self: _Mode) -> _Mode:
        return type(self)()  # one for each call: a decorated function may call itself


class no_grad(_Mode):  # noqa: N801 - PyTorch's name, reads like a function
    """Record nothing inside: ``with no_grad(): ...`` or ``@no_grad()`` before a function."""

    _attribute = "grad_enabled"
    _inside = False


class detect_anomaly(_Mode):  # noqa: N801 - PyTorch's name
    """Stop at the first NaN or infinity: FloatingPointError names the op that made it.

    Every result is looked through, forward and backward, so this is for finding a fault, not for
    training. Put it around both the forward and the backward pass.
    """

    _attribute = "detect_anomaly"
    _inside = True


def is_grad_enabled() -> bool:
    """Whether operations are being recorded (False inside no_grad())."""
    return state.grad_enabled

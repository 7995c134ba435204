"""The modes of a thread: whether operations are recorded, and which observers watch them."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, ClassVar

# CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR of inspect, without loading it.
PAUSES = 0x20 | 0x80 | 0x200


class _State(threading.local):
    grad_enabled = True
    observers: tuple[Any, ...] = ()


state = _State()
"""The modes of the current thread."""


class Mode(contextlib.ContextDecorator):
    """Change one attribute of the state inside a ``with`` block or a decorated function."""

    _attribute: ClassVar[str]

    def __init__(self, *given: Any) -> None:
        if given:
            mode = type(self).__name__
            raise TypeError(f"{mode}: takes nothing; write @{mode}() with parentheses")
        self._before: list[Any] = []  # a list, since one object may be entered twice

    def _inside(self, before: Any) -> Any:
        """The value of the attribute inside the block, given the one outside it."""
        raise NotImplementedError

    def __enter__(self) -> None:
        before = getattr(state, self._attribute)
        setattr(state, self._attribute, self._inside(before))
        self._before.append(before)

    def __exit__(self, *_: object) -> None:
        setattr(state, self._attribute, self._before.pop())

    def __call__(self, function: Any) -> Any:
        if function.__code__.co_flags & PAUSES:
            mode = type(self).__name__
            raise TypeError(
                f"{mode}: {function.__name__} is a generator or asynchronous, and would pause "
                f"inside {mode}; use `with {mode}():` in it where nothing is yielded or awaited"
            )
        return super().__call__(function)

    def _recreate_cm(self: Mode) -> Mode:
        return type(self)()  # one for each call: a decorated function may call itself


class no_grad(Mode):  # noqa: N801 - PyTorch's name, reads like a function
    """Record nothing inside: ``with no_grad(): ...`` or ``@no_grad()`` before a function.

    It holds in this thread. asyncio tasks of one thread share it: do not ``await`` inside.

    >>> w = mc.tensor([2.0], requires_grad=True)
    >>> with mc.no_grad():
    ...     print((w * 3).requires_grad)
    False
    """

    _attribute = "grad_enabled"

    def _inside(self, before: bool) -> bool:
        return False


def is_grad_enabled() -> bool:
    """Whether operations are being recorded (False inside no_grad()).

    >>> mc.is_grad_enabled()
    True
    """
    return state.grad_enabled

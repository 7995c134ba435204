"""The modes of a context: whether operations are recorded, and which observers watch them.

Context variables (``contextvars``): what one thread or asyncio task sets, no other sees. Reading
one is faster than reading a ``threading.local``.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import Any, ClassVar

# CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR of inspect, without loading it.
PAUSES = 0x20 | 0x80 | 0x200

Blocks = ContextVar[tuple[Any, ...]]
"""The blocks of one kind that are open, by something that stands for each."""

no_grads: Blocks = ContextVar("no_grads", default=())
"""Operations are recorded while this is empty."""

observers: Blocks = ContextVar("observers", default=())
"""They are told about each operation."""


def enter(blocks: Blocks, block: Any) -> None:
    """Add a block to those that are open."""
    blocks.set((*blocks.get(), block))


def leave(blocks: Blocks, block: Any) -> None:
    """Remove a block, wherever it stands: generators may leave theirs in any order."""
    entered = blocks.get()
    for i in range(len(entered) - 1, -1, -1):
        if entered[i] is block:
            blocks.set(entered[:i] + entered[i + 1 :])
            return


class Mode(contextlib.ContextDecorator):
    """A ``with`` block, or a decorated function, of a kind."""

    _blocks: ClassVar[Blocks]

    def __init__(self, *given: Any) -> None:
        if given:
            mode = type(self).__name__
            raise TypeError(f"{mode}: takes nothing; write @{mode}() with parentheses")

    def __enter__(self) -> None:
        enter(self._blocks, self)

    def __exit__(self, *_: object) -> None:
        leave(self._blocks, self)

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

    It holds in this thread or asyncio task, and in tasks that are started inside. A generator that
    yields inside turns recording off for its caller, too.

    >>> w = mc.tensor([2.0], requires_grad=True)
    >>> with mc.no_grad():
    ...     print((w * 3).requires_grad)
    False
    """

    _blocks = no_grads


def is_grad_enabled() -> bool:
    """Whether operations are being recorded (False inside no_grad()).

    >>> mc.is_grad_enabled()
    True
    """
    return not no_grads.get()

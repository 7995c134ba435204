"""Observers: objects that are told about every op of their context, without replacing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .anomaly import check_backward, check_forward, user_line
from .function import Call, Function
from .modes import Mode, enter, leave, observers
from .tensor import Tensor


class Observer:
    """Base class of objects that are told about ops; override the methods that are needed.

    >>> class Names(mc.autograd.Observer):
    ...     def after_forward(self, call):
    ...         print(type(call.function).__name__, call.output.shape)
    >>> with mc.autograd.observing(Names()):
    ...     y = (mc.tensor([1.0, 2.0]) * 3).sum()
    Mul (2,)
    Sum ()
    """

    def after_forward(self, call: Call) -> None:
        """Called after each op, except for those inside a backward method."""

    def after_backward(self, function: Function, grads: Sequence[Tensor | None]) -> None:
        """Called after each backward method, with the gradients of the inputs of its Function."""


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Tell the observer about the ops of this thread or asyncio task inside the ``with`` block.

    >>> with mc.autograd.observing(mc.autograd.Observer()):
    ...     y = mc.ops.relu(mc.tensor([-1.0, 2.0]))
    """
    enter(observers, observer)
    try:
        yield
    finally:
        leave(observers, observer)


class detect_anomaly(Mode, Observer):  # noqa: N801 - PyTorch's name
    """Stop at the first NaN or infinity: FloatingPointError names the op that made it.

    Every result is checked, forward and backward, so this is for finding a fault, not for
    training. Put it around both the forward and the backward pass.

    >>> with mc.detect_anomaly(), np.errstate(all="ignore"):
    ...     mc.tensor([1.0, 0.0]).log()
    Traceback (most recent call last):
    FloatingPointError: Log made the first -inf at index (1,) of shape (2,) (...)
    """

    _blocks = observers

    def after_forward(self, call: Call) -> None:
        function, arrays = call.function, [t.data for t in call.inputs]
        function.called_at = user_line()
        check_forward(type(function).__name__, call.output.data, arrays, function.called_at)

    def after_backward(self, function: Function, grads: Sequence[Tensor | None]) -> None:
        for i, grad in enumerate(grads):
            if grad is not None:
                check_backward(type(function).__name__, i, grad.data, function.called_at)

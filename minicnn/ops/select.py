"""Choosing between elements: by a condition, the larger or smaller of two, within limits."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Function, Tensor
from ..backend import Array, array_module, kernels_for
from .check import check_broadcast, check_number, check_tensor
from .convert import as_float, as_tensor, binary_operands, broadcast_operands, to
from .shape import sum_to


class Keep(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, mask: Array) -> Array:
        self.mask = mask
        return kernels_for(x).keep(x, mask)

    def backward(self, grad: Tensor) -> Tensor:
        return keep(grad, self.mask)


def keep(x: Tensor, mask: Array) -> Tensor:
    """x where the mask is True, 0 elsewhere, also for infinite x; both of one shape."""
    return Keep.apply(x, mask=mask)


class Where(Function):
    elementwise = True

    def forward(self, a: Array, b: Array, condition: Array) -> Array:
        y: Array = array_module(a).where(condition, a, b)
        return y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b, condition = self.inputs
        chosen = array_module(condition.data).broadcast_to(condition.data, grad.shape)
        return (
            sum_to(keep(grad, chosen), a.shape) if self.needs_grad[0] else None,
            sum_to(keep(grad, ~chosen), b.shape) if self.needs_grad[1] else None,
            None,
        )


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """``a`` where the condition holds, ``b`` elsewhere, all three broadcast.

    The condition is a Tensor, an array or nested lists of booleans; a and b may be numbers. What
    was not chosen has no influence: an infinite or NaN value there leaves the gradient as it is.
    Raises TypeError for a condition that is not boolean, ValueError for shapes that do not fit.
    """
    beside = next((t for t in (condition, a, b) if isinstance(t, Tensor)), None)
    if not isinstance(condition, Tensor):
        condition = as_tensor(condition)
        condition = condition if beside is None else to(condition, beside.device)
    if condition.dtype.kind != "b":
        raise TypeError(
            f"where: condition is {condition.dtype}, expected booleans, such as those of x > 0"
        )
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        b = as_tensor(b, like=condition)  # so that Python's floats become float32
    a, b = binary_operands(a, b)
    check_broadcast("where", condition=condition, a=a, b=b)
    return Where.apply(a, b, condition)


class Maximum(Function):
    elementwise = True

    def forward(self, a: Array, b: Array) -> Array:
        return array_module(a).maximum(a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return self._share(grad, a.data < b.data, b.data < a.data)

    def _share(self, grad: Tensor, a_loses: Array, b_loses: Array) -> tuple[Tensor | None, ...]:
        """The gradient goes to the winner, half to each on a tie, in full to both beside NaN."""
        a, b = self.inputs
        shared = where(a.data == b.data, grad * 0.5, grad)
        return (
            sum_to(keep(shared, ~a_loses), a.shape) if self.needs_grad[0] else None,
            sum_to(keep(shared, ~b_loses), b.shape) if self.needs_grad[1] else None,
        )


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b, element by element and broadcast; NaN wins over everything.

    Where a = b each gets half of the gradient, as in PyTorch. Raises ValueError for shapes that do
    not fit.
    """
    return Maximum.apply(*broadcast_operands("maximum", a, b))


class Minimum(Maximum):
    def forward(self, a: Array, b: Array) -> Array:
        return array_module(a).minimum(a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return self._share(grad, a.data > b.data, b.data > a.data)


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of a and b, with the same rules as ``maximum``."""
    return Minimum.apply(*broadcast_operands("minimum", a, b))


class Clip(Function):
    elementwise = True

    def forward(self, x: Array, *, low: float, high: float) -> Array:
        self.low, self.high = low, high
        return array_module(x).clip(x, low, high)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return keep(grad, (x.data >= self.low) & (x.data <= self.high))


def clip(x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    """``min(max(x, low), high)``; None leaves that side open. The gradient is 1 at the limits.

    Raises ValueError when both are None, TypeError for limits that are no numbers.
    """
    check_tensor("clip", x=x)
    if low is None and high is None:
        raise ValueError("clip: low and high are both None, expected at least one limit")
    low = -math.inf if low is None else check_number("clip", low=low)
    high = math.inf if high is None else check_number("clip", high=high)
    return Clip.apply(as_float("clip", x), low=low, high=high)

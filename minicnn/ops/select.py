"""Choosing between elements: by a condition, the larger or smaller of two, within limits."""

from __future__ import annotations

import math

from ..autograd import Tensor
from ..backend import Array, array_module, kernels_for
from ..checks import check_number
from .check import check_broadcast, check_tensor
from .convert import (
    TensorLike,
    as_float,
    as_operands,
    as_tensor,
    broadcast_operands,
    convert,
    in_float32,
)
from .elementwise import Elementwise, sum_to_inputs
from .linear_map import LinearMap


class Keep(LinearMap):
    def forward(self, x: Array, *, mask: Array) -> Array:
        return kernels_for(x).keep(x, mask)


_keep = in_float32(Keep.apply)


def keep(x: Tensor, mask: Array) -> Tensor:
    """x where the mask is True, 0 elsewhere, also for infinite x; both of one shape."""
    return _keep(x, mask=mask)


class Where(Elementwise):
    def forward(self, a: Array, b: Array, condition: Array) -> Array:
        y: Array = array_module(a).where(condition, a, b)
        return y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        condition = self.inputs[2].data
        mask = array_module(condition).broadcast_to(condition, grad.shape)
        return *sum_to_inputs(self, lambda: keep(grad, mask), lambda: keep(grad, ~mask)), None


def where(condition: TensorLike, a: TensorLike, b: TensorLike) -> Tensor:
    """``a`` where the condition holds, ``b`` elsewhere, all three broadcast.

    The condition is a Tensor, an array or nested lists of booleans; a and b may be numbers. An
    element that was not chosen has no influence: if it is infinite or NaN, gradients stay finite.
    Raises TypeError for a condition that is not boolean, ValueError for shapes that do not fit.

    >>> x = mc.tensor([-1.0, 2.0, -3.0])
    >>> mc.ops.where(x > 0, x, 0.0)
    tensor([0., 2., 0.])
    """
    reference = next((t for t in (condition, a, b) if isinstance(t, Tensor)), None)
    if not isinstance(condition, Tensor):
        condition = as_tensor(condition)
        condition = condition if reference is None else convert(condition, reference.device)
    if condition.dtype.kind != "b":
        raise TypeError(
            f"where: condition is {condition.dtype}, expected booleans, such as those of x > 0"
        )
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        b = as_tensor(b, like=condition)  # so that Python's floats become float32
    a, b = as_operands(a, b)
    check_broadcast("where", condition=condition, a=a, b=b)
    return Where.apply(a, b, condition)


class Maximum(Elementwise):
    def forward(self, a: Array, b: Array) -> Array:
        return array_module(a).maximum(a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return self._share(grad, a.data < b.data, b.data < a.data)

    def _share(self, grad: Tensor, a_loses: Array, b_loses: Array) -> tuple[Tensor | None, ...]:
        """The gradient goes to the winner; half to each on a tie, all of it to both with NaN."""
        a, b = self.inputs
        shared = where(a.data == b.data, grad * 0.5, grad)
        return sum_to_inputs(self, lambda: keep(shared, ~a_loses), lambda: keep(shared, ~b_loses))


def maximum(a: TensorLike, b: TensorLike) -> Tensor:
    """The larger of a and b, element by element and broadcast; NaN wins over everything.

    Where a = b each gets half of the gradient, as in PyTorch. Raises ValueError for shapes that do
    not fit.

    >>> mc.ops.maximum(mc.tensor([1.0, 5.0]), mc.tensor([2.0, 3.0]))
    tensor([2., 5.])
    """
    return Maximum.apply(*broadcast_operands("maximum", a, b))


class Minimum(Maximum):
    def forward(self, a: Array, b: Array) -> Array:
        return array_module(a).minimum(a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return self._share(grad, a.data > b.data, b.data > a.data)


def minimum(a: TensorLike, b: TensorLike) -> Tensor:
    """The smaller of a and b, with the same rules as ``maximum``.

    >>> mc.ops.minimum(mc.tensor([1.0, 5.0]), 3.0)
    tensor([1., 3.])
    """
    return Minimum.apply(*broadcast_operands("minimum", a, b))


class Clip(Elementwise):
    def forward(self, x: Array, *, low: float, high: float) -> Array:
        return array_module(x).clip(x, low, high)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return keep(grad, (x.data >= self.options["low"]) & (x.data <= self.options["high"]))


def clip(x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    """``min(max(x, low), high)``; None leaves that side open. The gradient is 1 at the limits.

    Raises ValueError when both are None, TypeError for limits that are not numbers.

    >>> mc.ops.clip(mc.tensor([-2.0, 0.5, 3.0]), 0.0, 1.0)
    tensor([0. , 0.5, 1. ])
    """
    check_tensor("clip", x=x)
    if low is None and high is None:
        raise ValueError("clip: low and high are both None, expected at least one limit")
    low = -math.inf if low is None else check_number("clip: low", low)
    high = math.inf if high is None else check_number("clip: high", high)
    return Clip.apply(as_float("clip", x), low=low, high=high)

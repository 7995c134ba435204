"""Elementwise: the base of ops that go element by element, and the sums that broadcasting needs."""

from __future__ import annotations

from collections.abc import Callable

from ..autograd import Function, Tensor
from .shape import SumTo


class Elementwise(Function):
    """Each element of the output depends only on the elements at its place in the inputs."""

    elementwise = True


def sum_to_inputs(
    function: Function, *gradients: Callable[[], Tensor]
) -> tuple[Tensor | None, ...]:
    """The gradients that are needed, each summed over the axes along which its input was repeated.

    For the backward of an op that broadcasts; each gradient is given as what computes it.
    """
    wanted = zip(gradients, function.shapes, function.needs_grad, strict=False)
    return tuple([_summed(gradient(), shape) if need else None for gradient, shape, need in wanted])


def _summed(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``sum_to`` without its checks, for shapes that broadcasting has made."""
    return grad if grad.shape == shape else SumTo.apply(grad, shape=shape)

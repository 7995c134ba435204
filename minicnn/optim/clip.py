"""Clipping of gradients between ``loss.backward()`` and ``optimizer.step()``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module
from ..checks import check_number


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients so that their norm, taken together, is at most max_norm.

        norm = (sum of |g|^norm_type)^(1 / norm_type)      inf: the largest |g|
        grad = grad · min(1, max_norm / (norm + 1e-6))

    Pascanu, Mikolov and Bengio, 2013. Returns the norm before clipping. The gradients are replaced,
    not changed in place; parameters without a gradient are skipped. A norm of NaN makes all of them
    NaN. Raises ValueError for a negative max_norm or a norm_type that is not above 0, and, with
    error_if_nonfinite, RuntimeError for a norm of inf or NaN.

    >>> p = mc.tensor([0.0, 0.0], requires_grad=True)
    >>> (3 * p[0] + 4 * p[1]).backward()
    >>> mc.optim.clip_grad_norm([p], max_norm=1.0)
    5.0
    >>> p.grad.data.round(3)
    array([0.6, 0.8], dtype=float32)
    """
    clipped = _with_gradient(parameters)
    max_norm = check_number("max_norm", max_norm, "a number of 0 or more, or inf")
    norm_type = check_number("norm_type", norm_type, "a number above 0, or inf")
    with np.errstate(under="ignore"):  # squares and scaled gradients may round to 0
        norm = _norm([grad for _, grad in clipped], norm_type)
        if error_if_nonfinite and not math.isfinite(norm):
            raise RuntimeError(
                f"clip_grad_norm: the norm of the gradients is {norm}, expected finite"
            )
        coefficient = max_norm / (norm + 1e-6)
        if not coefficient >= 1:  # NaN is passed on to the gradients, as in PyTorch
            for parameter, grad in clipped:
                wide = np.promote_types(grad.dtype, np.float32)  # the coefficient may be tiny
                scaled = array_module(grad).multiply(grad, coefficient, dtype=wide)
                parameter.grad = Tensor(scaled.astype(grad.dtype, copy=False))
    return norm


def clip_grad_value(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring every element of the gradients between -clip_value and clip_value.

    The gradients are replaced, not changed in place; parameters without a gradient are skipped.
    Raises ValueError for a negative clip_value.

    >>> p = mc.tensor([0.0, 0.0], requires_grad=True)
    >>> (3 * p[0] - 0.5 * p[1]).backward()
    >>> mc.optim.clip_grad_value([p], 1.0)
    >>> p.grad
    tensor([ 1. , -0.5])
    """
    clipped = _with_gradient(parameters)
    clip_value = check_number("clip_value", clip_value, "a number of 0 or more, or inf")
    for parameter, grad in clipped:
        limited = array_module(grad).clip(grad, -clip_value, clip_value)
        parameter.grad = Tensor(limited.astype(grad.dtype, copy=False))


def _with_gradient(parameters: Tensor | Iterable[Tensor]) -> list[tuple[Tensor, Array]]:
    """The parameters that have a gradient, each with its array."""
    if not isinstance(parameters, Tensor | Iterable):
        kind = type(parameters).__name__
        raise TypeError(f"parameters: got a {kind}, expected Tensors: model.parameters() or [x]")
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for parameter in given:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"parameters: got a {type(parameter).__name__}, expected Tensors")
    return [(p, p.grad.data) for p in given if p.grad is not None]


def _norm(grads: list[Array], norm_type: float) -> float:
    """The norm of the gradients as one vector, in float64: squares of float32 would overflow."""
    parts: list[Any] = []
    for grad in grads:
        xp = array_module(grad)
        size = xp.abs(grad).astype(np.float64)
        if norm_type < math.inf:
            parts.append((size**norm_type).sum())
        elif grad.size:
            parts.append(size.max())
    if norm_type < math.inf:
        return float(sum(parts)) ** (1 / norm_type)
    return float(reduce(array_module(grads[0]).maximum, parts)) if parts else 0.0

"""Clipping of gradients between ``loss.backward()`` and ``optimizer.step()``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor
from ..backend import Array, array_module, device_of, kernels_for, on_device_of
from ..backend.arrays import can_be_read
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
    NaN; one of inf makes them 0, and NaN where they are infinite. A max_norm of inf only measures.
    Raises ValueError for a negative max_norm or a norm_type that is not above 0, and, with
    error_if_nonfinite, RuntimeError for a norm of inf or NaN.

    >>> p = mc.tensor([0.0, 0.0], requires_grad=True)
    >>> (3 * p[0] + 4 * p[1]).backward()
    >>> mc.optim.clip_grad_norm([p], max_norm=1.0)
    5.0
    >>> p.grad.data.round(3)
    array([0.6, 0.8], dtype=float32)
    """
    norm = scale_to_norm(parameters, max_norm, norm_type, error_if_nonfinite)
    return float(norm)


def scale_to_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Any:
    """``clip_grad_norm`` that leaves the norm on its GPU, as an array, and does not wait for it."""
    clipped = _with_gradient(parameters)
    max_norm = check_number("max_norm", max_norm, "a number of 0 or more, or inf")
    norm_type = check_number("norm_type", norm_type, "a number above 0, or inf")
    if not clipped:
        return 0.0
    with np.errstate(under="ignore"):  # squares and scaled gradients may round to 0
        groups = _flatten(clipped)
        parts = [_sum_of_powers(group.flat, norm_type) for group in groups]
        total = parts[0] if len(parts) == 1 else _add(parts, norm_type)
        with on_device_of(groups[0].flat):
            norm = total if norm_type == math.inf else total ** (1 / norm_type)
            if error_if_nonfinite and not math.isfinite(norm):
                raise RuntimeError(
                    f"clip_grad_norm: the norm of the gradients is {float(norm)}, expected finite"
                )
            if max_norm == math.inf:
                return norm
            with np.errstate(over="ignore"):  # of a small norm, which is not clipped
                coefficient = max_norm / (norm + 1e-6)
        # NaN is passed on to the gradients, as in PyTorch. A GPU multiplies by 1 without waiting.
        if not can_be_read(coefficient) or not coefficient >= 1:
            for group in groups:
                _scale(group, coefficient)
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
        with on_device_of(grad):
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


class _Gradients(NamedTuple):
    """Gradients of one device and dtype as one flat array, float16 in float32."""

    flat: Array
    dtype: np.dtype[Any]
    parameters: list[Tensor]


def _flatten(clipped: list[tuple[Tensor, Array]]) -> list[_Gradients]:
    groups: dict[Any, list[tuple[Tensor, Array]]] = {}
    for parameter, grad in clipped:
        groups.setdefault((device_of(grad), grad.dtype), []).append((parameter, grad))
    flattened = []
    for (_, dtype), group in groups.items():
        first = group[0][1]
        with on_device_of(first):
            length = sum([grad.size for _, grad in group])
            flat = array_module(first).empty(length, np.promote_types(dtype, np.float32))
            kernels_for(first).join([grad for _, grad in group], flat)
        flattened.append(_Gradients(flat, dtype, [parameter for parameter, _ in group]))
    return flattened


def _sum_of_powers(flat: Array, norm_type: float) -> Any:
    """The sum of |g|^norm_type, or the largest |g|, in float64: float32 would overflow."""
    xp = array_module(flat)
    if not flat.size:
        return np.float64(0)
    with on_device_of(flat):
        if norm_type == math.inf:
            return xp.abs(flat).max().astype(np.float64)
        if norm_type == 2:
            return xp.square(flat, dtype=np.float64).sum()
        return (xp.abs(flat).astype(np.float64) ** norm_type).sum()


def _add(parts: list[Any], norm_type: float) -> Any:
    """What several devices or dtypes have in all; here a GPU has to be waited for."""
    numbers = [float(part) for part in parts]
    return np.float64(max(numbers) if norm_type == math.inf else sum(numbers))


def _scale(gradients: _Gradients, coefficient: Any) -> None:
    """Give the parameters their parts of the flat gradients times min(1, coefficient)."""
    with on_device_of(gradients.flat):
        factor = array_module(gradients.flat).minimum(coefficient, 1)
        scaled = gradients.flat * factor.astype(gradients.flat.dtype)
        scaled = scaled.astype(gradients.dtype, copy=False)
        start = 0
        for parameter in gradients.parameters:
            stop = start + parameter.size
            parameter.grad = Tensor(scaled[start:stop].reshape(parameter.shape))
            start = stop

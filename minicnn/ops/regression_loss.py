"""Distances: losses of predicted numbers, each beside the number that it should be.

Input and target have one shape. Where they differ PyTorch broadcasts and only warns, so that
(N, 1) beside (N,) gives N·N differences and a network that learns the mean; here it is an error.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from .arithmetic import abs
from .check import check_number, check_reduction
from .loss_inputs import check_same_shape, reduce_losses
from .select import clip


def mse_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """The squared error ``(input - target) ** 2``.

    input: floats of any shape; target: a Tensor, an array or lists of the same shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss each.

    Raises TypeError unless the input is a Tensor of floats, ValueError for different shapes (which
    PyTorch broadcasts with a warning) or an unknown reduction.
    """
    check_reduction("mse_loss", reduction)
    input, target = check_same_shape("mse_loss", input, target)
    return reduce_losses((input - target) ** 2, reduction)


def l1_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """The absolute error ``|input - target|``; its gradient is 0 where they are equal.

    Shapes, reduction and errors are those of ``mse_loss``.
    """
    check_reduction("l1_loss", reduction)
    input, target = check_same_shape("l1_loss", input, target)
    return reduce_losses(abs(input - target), reduction)


def huber_loss(input: Tensor, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """d²/2 where |d| <= delta, else delta·(|d| - delta/2), with d = input - target.

    Computed as c·(d - c/2) with c = clip(d, -delta, delta), which is also the gradient (Huber,
    1964). Shapes, reduction and errors are those of ``mse_loss``; also ValueError unless delta is
    positive.
    """
    check_reduction("huber_loss", reduction)
    delta = check_number("huber_loss", delta=delta)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta is {delta}, expected a number above 0")
    input, target = check_same_shape("huber_loss", input, target)
    d = input - target
    c = clip(d, -delta, delta)
    return reduce_losses(c * (d - c / 2), reduction)

"""Losses of predicted numbers, each compared with the number that it should be.

Input and target have one shape. Where they differ PyTorch broadcasts and only warns, so that
(N, 1) and (N,) give N·N differences and a network that learns the mean; here it is an error.
"""

from __future__ import annotations

from ..autograd import Tensor
from ..checks import check_number
from .arithmetic import abs
from .convert import TensorLike, in_float32
from .loss_inputs import check_same_shape, reduce_losses
from .select import clip


@in_float32
def mse_loss(input: Tensor, target: TensorLike, reduction: str = "mean") -> Tensor:
    """The squared error ``(input - target) ** 2``.

    input: floats of any shape; target: a Tensor, an array or lists of the same shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss each.

    Raises TypeError unless the input is a Tensor of floats, ValueError for different shapes (which
    PyTorch broadcasts with a warning) or an unknown reduction.

    >>> mc.ops.mse_loss(mc.tensor([1.0, 2.0]), [1.0, 5.0])
    tensor(4.5)
    """
    input, target = check_same_shape("mse_loss", input, target)
    return reduce_losses("mse_loss", (input - target) ** 2, reduction)


@in_float32
def l1_loss(input: Tensor, target: TensorLike, reduction: str = "mean") -> Tensor:
    """The absolute error ``|input - target|``; its gradient is 0 where they are equal.

    Shapes, reduction and errors are those of ``mse_loss``.

    >>> mc.ops.l1_loss(mc.tensor([1.0, 2.0]), [1.0, 5.0])
    tensor(1.5)
    """
    input, target = check_same_shape("l1_loss", input, target)
    return reduce_losses("l1_loss", abs(input - target), reduction)


@in_float32
def huber_loss(
    input: Tensor, target: TensorLike, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """d²/2 where |d| <= delta, else delta·(|d| - delta/2), with d = input - target.

    Computed as c·(d - c/2) with c = clip(d, -delta, delta), which is also the gradient (Huber,
    1964). Shapes, reduction and errors are those of ``mse_loss``; also ValueError unless delta is
    positive.

    >>> mc.ops.huber_loss(mc.tensor([0.0, 0.0]), [0.5, 3.0], reduction="none")
    tensor([0.125, 2.5  ])
    """
    delta = check_number("huber_loss: delta", delta, "a number above 0, or inf")
    input, target = check_same_shape("huber_loss", input, target)
    d = input - target
    c = clip(d, -delta, delta)
    return reduce_losses("huber_loss", c * (d - c / 2), reduction)

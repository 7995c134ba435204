"""Normalisation: over the batch, over the features of one sample, over neighbouring channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from ..backend.layout import as_chwn, as_nchw
from .check import check_device, check_float, check_images, check_number
from .reduce import mean
from .shape import reshape

Axes = tuple[int, ...]


class Centre(Function):
    """x - mean(x) over some axes: a projection, so it is its own adjoint and its own gradient."""

    keeps = "nothing"

    def forward(self, x: Array, *, axes: Axes) -> Array:
        self.axes = axes
        if x.ndim != 4:
            return x - _mean(x, axes)
        x, places = as_chwn(x), tuple((axis - 1) % 4 for axis in axes)
        return as_nchw(x - _mean(x, places))

    def backward(self, grad: Tensor) -> Tensor:
        return Centre.apply(grad, axes=self.axes)


def _mean(x: Array, axes: Axes) -> Array:
    """The mean over the axes, which stay with length 1, summed in float64.

    The sum of many float32 numbers far from 0 would be wrong by more than their deviation.
    """
    return x.mean(axes, dtype=np.float64, keepdims=True).astype(x.dtype)


def _moments(x: Tensor, axes: Axes) -> tuple[Tensor, Tensor]:
    """x - mean(x) and var = mean((x - mean(x))²) over the axes."""
    deviation = Centre.apply(x, axes=axes)
    return deviation, mean(deviation * deviation, axes, keepdim=True)


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel c with mean 0 and variance 1 over the batch, then scaled and shifted.

    y[n, c, ...] = (x[n, c, ...] - mean[c]) / sqrt(var[c] + eps) · weight[c] + bias[c]

    x (N, C, ...) -> y of the same shape; all other arguments (C,).
    training: mean and var are those of the batch (var divided by the count m), and the running ones
    are moved in place, running = (1 - momentum)·running + momentum·batch, where the batch's var is
    divided by m - 1. Otherwise, if there are any, the running ones are used as constants.
    Raises ValueError for shapes that do not fit or fewer than two values per channel in training,
    TypeError for dtypes that differ. Source: Ioffe and Szegedy, 2015 (arXiv 1502.03167).
    """
    op = "batch_norm"
    eps, momentum = _above_zero(op, eps=eps), check_number(op, momentum=momentum)
    if not 0 <= momentum <= 1:
        raise ValueError(f"{op}: momentum is {momentum}, expected 0 to 1")
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{op}: running_mean and running_var go together, but one is None")
    running = {"running_mean": running_mean, "running_var": running_var}
    _check_channels(op, x, **running, weight=weight, bias=bias)
    beside = (1, x.shape[1], *[1] * (x.ndim - 2))  # the shape in which (C,) stands beside x
    if running_mean is None or running_var is None or training:
        deviation, variance = _batch_moments(op, x, running_mean, running_var, momentum)
    else:
        # The mean is subtracted first: far from 0, x · scale would be rounded too coarsely.
        deviation = x - reshape(running_mean.detach(), beside)
        variance = reshape(running_var.detach(), beside)
    scale = (variance + eps) ** -0.5
    y = deviation * (scale if weight is None else scale * reshape(weight, beside))
    return y if bias is None else y + reshape(bias, beside)


def _check_channels(op: str, x: Tensor, **others: Tensor | None) -> None:
    """Raise TypeError or ValueError unless x is (N, C, ...) and the others, if given, (C,)."""
    check_float(op, x, **others)
    check_device(op, x, **others)
    if x.ndim < 2:
        raise ValueError(f"{op}: x has shape {x.shape}, expected (N, C, ...)")
    for name, value in others.items():
        if value is not None and value.shape != (x.shape[1],):
            raise ValueError(
                f"{op}: {name} has shape {value.shape}, expected ({x.shape[1]},), "
                f"the channels of x {x.shape}"
            )


def _batch_moments(
    op: str, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, momentum: float
) -> tuple[Tensor, Tensor]:
    """``_moments`` of each channel over the batch, towards which the running ones are moved."""
    count = x.size // x.shape[1] if x.shape[1] else 0
    if count < 2:
        raise ValueError(
            f"{op}: x has shape {x.shape}, which is {count} per channel, "
            "expected 2 or more to take the mean and variance of"
        )
    axes = (0, *range(2, x.ndim))
    deviation, variance = _moments(x, axes)
    if running_mean is not None and running_var is not None:
        _move(running_mean, _mean(x.data, axes).ravel(), momentum)
        _move(running_var, variance.data.ravel() * (count / (count - 1)), momentum)
    return deviation, variance


def _move(running: Tensor, batch: Array, momentum: float) -> None:
    """Move a running statistic towards that of the batch."""
    running.data[...] = (1 - momentum) * running.data + momentum * batch


def layer_norm(
    x: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample with mean 0 and variance 1 over its last axes, then scaled and shifted.

    y = (x - mean) / sqrt(var + eps) · weight + bias, var divided by the number of elements

    x (..., *normalized_shape), weight and bias normalized_shape -> y of the shape of x.
    Raises ValueError for shapes that do not fit, TypeError for dtypes that differ.
    Source: Ba, Kiros and Hinton, 2016 (arXiv 1607.06450).
    """
    op = "layer_norm"
    check_float(op, x, weight=weight, bias=bias)
    shape = _normalized(op, normalized_shape)
    if x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{op}: x has shape {x.shape}, expected one that ends with normalized_shape {shape}"
        )
    for name, value in {"weight": weight, "bias": bias}.items():
        if value is not None and value.shape != shape:
            raise ValueError(f"{op}: {name} has shape {value.shape}, expected {shape}")
    eps = _above_zero(op, eps=eps)
    deviation, variance = _moments(x, tuple(range(x.ndim - len(shape), x.ndim)))
    y = deviation * (variance + eps) ** -0.5
    y = y if weight is None else y * weight  # not scale · weight, which is as large as x
    return y if bias is None else y + bias


def _normalized(op: str, normalized_shape: Any) -> Axes:
    """normalized_shape as a tuple; an integer stands for one axis."""
    given = normalized_shape if isinstance(normalized_shape, tuple | list) else [normalized_shape]
    are_integers = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given)
    if not are_integers or not given:
        raise TypeError(
            f"{op}: normalized_shape is {normalized_shape!r}, expected one integer or several"
        )
    if min(given) < 1:
        raise ValueError(f"{op}: normalized_shape is {normalized_shape!r}, expected 1 or more")
    return tuple(int(n) for n in given)


class ChannelSum(Function):
    """The sum over a channel, some channels before it and some after it."""

    keeps = "nothing"

    def forward(self, x: Array, *, before: int, after: int) -> Array:
        self.before, self.after = before, after
        return as_nchw(kernels_for(x).sum_over_neighbour_channels(as_chwn(x), before, after))

    def backward(self, grad: Tensor) -> Tensor:
        return ChannelSum.apply(grad, before=self.after, after=self.before)


def local_response_norm(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Each pixel divided by the activity of its neighbours in the other channels.

    y[n, c] = x[n, c] / (k + alpha / size · sum over c' of x[n, c']²)^beta
    c' = c - size // 2, ..., c + (size - 1) // 2, as far as there are such channels

    x (N, C, H, W) -> y of the same shape. As in PyTorch, Caffe and ONNX, alpha is divided by size.
    The paper's formula is not: its n = 5, alpha = 1e-4, k = 2 is size=5, alpha=5e-4, k=2 here.
    Raises ValueError for a size below 1, a negative alpha or a k not above 0, TypeError for what is
    no number.
    Source: Krizhevsky, Sutskever and Hinton, 2012, section 3.3.
    """
    op = "local_response_norm"
    check_images(op, x)
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise TypeError(f"{op}: size is {size!r}, expected an integer")
    if size < 1:
        raise ValueError(f"{op}: size is {size}, expected 1 or more")
    alpha, beta = check_number(op, alpha=alpha), check_number(op, beta=beta)
    if not alpha >= 0:
        raise ValueError(f"{op}: alpha is {alpha}, expected 0 or more")
    k = _above_zero(op, k=k)
    activity = ChannelSum.apply(x * x, before=int(size) // 2, after=(int(size) - 1) // 2)
    return x / (activity * (alpha / size) + k) ** beta


def _above_zero(op: str, **argument: float) -> float:
    """The one argument as a number. Raises TypeError for others, ValueError if not above 0."""
    ((name, value),) = argument.items()
    number = check_number(op, **argument)
    if not number > 0:
        raise ValueError(f"{op}: {name} is {value}, expected a number above 0")
    return number

"""Normalisation: over the batch, over the features of one sample, over neighbouring channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import Tensor
from ..autograd.in_place import write_into
from ..backend import Array, kernels_for
from ..backend.layout import as_chwn, as_nchw
from ..checks import check_integer, check_number
from .check import check_device, check_float, check_images, check_shape, check_tensor
from .convert import in_float32
from .linear_map import LinearMap
from .reduce import Axes, mean
from .shape import reshape

ABOVE_0 = "a number above 0"


class Centre(LinearMap):
    """x - mean(x) over some axes: an orthogonal projection, so it is its own adjoint."""

    def forward(self, x: Array, *, axes: Axes) -> Array:
        if x.ndim != 4:
            return x - _mean(x, axes)
        x, stored_axes = as_chwn(x), tuple((axis - 1) % 4 for axis in axes)
        return as_nchw(x - _mean(x, stored_axes))


def _mean(x: Array, axes: Axes) -> Array:
    """The mean over the axes, which keep length 1, summed in float64.

    In float32 the sum of many numbers far from 0 would be wrong by more than their deviation.
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

    x (N, C, ...) -> y of the same shape; all other tensors (C,).
    training: mean and var are those of the batch (var divided by the count m), and the running
    statistics are updated in place, running = (1 - momentum)·running + momentum·batch, where the
    batch's var is divided by m - 1. Otherwise the running statistics, if given, are used as
    constants.
    Raises ValueError for shapes that do not fit, fewer than two values per channel in training, an
    eps that is not above 0 (PyTorch: only in training) or a momentum outside [0, 1] (in PyTorch any
    number), TypeError for dtypes that differ. Source: Ioffe and Szegedy, 2015 (arXiv 1502.03167).

    >>> x = mc.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> mc.ops.batch_norm(x, None, None, training=True, eps=1e-12)
    tensor([[-1., -1.],
            [ 1.,  1.]])
    """
    op = "batch_norm"
    eps = check_number(f"{op}: eps", eps, ABOVE_0)
    momentum = check_number(f"{op}: momentum", momentum, "a number from 0 to 1")
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{op}: running_mean and running_var go together, but one is None")
    running = {"running_mean": running_mean, "running_var": running_var}
    others = {**running, "weight": weight, "bias": bias}
    check_tensor(op, x=x, **{name: t for name, t in others.items() if t is not None})
    if x.ndim < 2:
        raise ValueError(f"{op}: x has shape {x.shape}, expected (N, C, ...)")
    check_shape(op, x.shape[1:2], f", the channels of x {x.shape}", **others)
    check_float(op, x=x, **others)
    check_device(op, x, **others)
    known = None if running_mean is None or running_var is None else (running_mean, running_var)
    return _batch_norm(x, weight, bias, known, bool(training), momentum, eps)


@in_float32
def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running: tuple[Tensor, Tensor] | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """``batch_norm`` with everything checked; running: the mean and the variance."""
    channels = (1, x.shape[1], *[1] * (x.ndim - 2))  # the shape in which (C,) broadcasts with x
    if running is None or training:
        deviation, variance = _batch_moments(x, running, momentum)
    else:
        mean, var = running
        # The mean is subtracted first: far from 0, x · scale would be rounded too coarsely.
        deviation = x - reshape(mean.detach(), channels)
        variance = reshape(var.detach(), channels)
    scale = (variance + eps) ** -0.5
    y = deviation * (scale if weight is None else scale * reshape(weight, channels))
    return y if bias is None else y + reshape(bias, channels)


def _batch_moments(
    x: Tensor, running: tuple[Tensor, Tensor] | None, momentum: float
) -> tuple[Tensor, Tensor]:
    """``_moments`` of each channel over the batch, which also update the running statistics."""
    count = x.size // x.shape[1] if x.shape[1] else 0
    if count < 2:
        raise ValueError(
            f"batch_norm: x has shape {x.shape}, which is {count} per channel, "
            "expected 2 or more to take the mean and variance of"
        )
    axes = (0, *range(2, x.ndim))
    deviation, variance = _moments(x, axes)
    if running is not None:
        running_mean, running_var = running
        with np.errstate(under="ignore"):  # what is not an op may round to 0 too
            _update_running(running_mean, _mean(x.data, axes).ravel(), momentum)
            _update_running(running_var, variance.data.ravel() * (count / (count - 1)), momentum)
    return deviation, variance


def _update_running(running: Tensor, batch: Array, momentum: float) -> None:
    """Move a running statistic towards that of the batch, in place."""
    moved = (1 - momentum) * running.data + momentum * batch
    write_into(running, moved, "batch_norm in training")


def layer_norm(
    x: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample with mean 0 and variance 1 over its last axes, then scaled and shifted.

    y = (x - mean) / sqrt(var + eps) · weight + bias, var divided by the number of elements

    x (..., *normalized_shape), weight and bias normalized_shape -> y of the shape of x.
    Raises ValueError for shapes that do not fit or an eps that is not above 0 (in PyTorch any
    number), TypeError for dtypes that differ.
    Source: Ba, Kiros and Hinton, 2016 (arXiv 1607.06450).

    >>> mc.ops.layer_norm(mc.tensor([[1.0, 3.0], [10.0, 30.0]]), 2, eps=1e-12)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    op = "layer_norm"
    check_float(op, x=x, weight=weight, bias=bias)
    shape = _check_normalized_shape(f"{op}: normalized_shape", normalized_shape)
    if x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{op}: x has shape {x.shape}, expected one that ends with normalized_shape {shape}"
        )
    check_shape(op, shape, weight=weight, bias=bias)
    eps = check_number(f"{op}: eps", eps, ABOVE_0)
    return _layer_norm(x, weight, bias, tuple(range(x.ndim - len(shape), x.ndim)), eps)


@in_float32
def _layer_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, axes: Axes, eps: float
) -> Tensor:
    deviation, variance = _moments(x, axes)
    y = deviation * (variance + eps) ** -0.5
    y = y if weight is None else y * weight  # not scale · weight, which is as large as x
    return y if bias is None else y + bias


def _check_normalized_shape(name: str, value: int | Sequence[int]) -> Axes:
    """The value as a tuple; an integer stands for one axis."""
    lengths = value if isinstance(value, tuple | list) else [value]
    if not lengths:
        raise ValueError(f"{name}: got {value!r}, expected one integer or several")
    return tuple([check_integer(name, n, least=1) for n in lengths])


class ChannelSum(LinearMap):
    """The sum over a channel, some channels before it and some after it."""

    def forward(self, x: Array, *, before: int, after: int) -> Array:
        return as_nchw(kernels_for(x).sum_over_neighbour_channels(as_chwn(x), before, after))

    def backward(self, grad: Tensor) -> Tensor:
        before, after = self.options["before"], self.options["after"]
        return ChannelSum.apply(grad, before=after, after=before)  # the adjoint looks the other way


@in_float32
def local_response_norm(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Each pixel divided by the activity of its neighbours in the other channels.

    y[n, c] = x[n, c] / (k + alpha / size · sum over c' of x[n, c']²)^beta
    c' = c - size // 2, ..., c + (size - 1) // 2, as far as these channels exist

    x (N, C, H, W) -> y of the same shape. As in PyTorch, Caffe and ONNX, alpha is divided by size.
    The paper's formula is not: its n = 5, alpha = 1e-4, k = 2 is size=5, alpha=5e-4, k=2 here.
    Raises ValueError for a size below 1, a negative alpha or a k not above 0, TypeError for other
    types. Source: Krizhevsky, Sutskever and Hinton, 2012, section 3.3.

    >>> x = mc.tensor(np.ones((1, 3, 1, 1), np.float32))
    >>> mc.ops.local_response_norm(x, size=3, alpha=3.0, beta=1.0).data.ravel()
    array([0.33333334, 0.25      , 0.33333334], dtype=float32)
    """
    op = "local_response_norm"
    check_images(op, x)
    size = check_integer(f"{op}: size", size, least=1)
    alpha = check_number(f"{op}: alpha", alpha, "a number of 0 or more")
    beta = check_number(f"{op}: beta", beta)
    k = check_number(f"{op}: k", k, ABOVE_0)
    activity = ChannelSum.apply(x * x, before=size // 2, after=(size - 1) // 2)
    return x / (activity * (alpha / size) + k) ** beta

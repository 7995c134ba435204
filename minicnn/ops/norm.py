"""Batch norm and layer norm: standardised over the batch, or over the features of one sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..autograd import Tensor
from ..autograd.in_place import changes, write_into
from ..backend import Array, array_module, kernels_for
from ..checks import check_integer, check_number
from .check import check_device, check_float, check_shape, check_tensor
from .convert import convert, in_float32
from .reduce import Axes
from .shape import reshape
from .standardise import Normalise, Standardise

ABOVE_0 = "a number above 0"
BY = "batch_norm in training"
"""What has changed the running statistics."""


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    num_batches_tracked: Tensor | None = None,
) -> Tensor:
    """Each channel c with mean 0 and variance 1 over the batch, then scaled and shifted.

    y[n, c, ...] = (x[n, c, ...] - mean[c]) / sqrt(var[c] + eps) · weight[c] + bias[c]

    x (N, C, ...) -> y of the same shape; num_batches_tracked () of int64, all others (C,).
    training: mean and var are those of the batch (var divided by the count m), and the running
    statistics are updated in place, running = (1 - momentum)·running + momentum·batch, where the
    batch's var is divided by m - 1. num_batches_tracked (not in PyTorch's function) then counts the
    batches, and with it momentum may be None: the running statistics are the means over all batches
    so far. Otherwise the running statistics, if given, are used as constants. In training y is
    exact for all finite float32 (in PyTorch NaN or 0 where squares overflow, above 1e19); a running
    variance of such numbers overflows.
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
    if momentum is not None or (running_mean is not None and num_batches_tracked is None):
        momentum = check_number(f"{op}: momentum", momentum, "a number from 0 to 1")
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{op}: running_mean and running_var go together, but one is None")
    running = {"running_mean": running_mean, "running_var": running_var}
    others = {**running, "weight": weight, "bias": bias}
    counter = {"num_batches_tracked": num_batches_tracked}
    given = {name: t for name, t in (others | counter).items() if t is not None}
    check_tensor(op, x=x, **given)
    if x.ndim < 2:
        raise ValueError(f"{op}: x has shape {x.shape}, expected (N, C, ...)")
    check_shape(op, x.shape[1:2], f", the channels of x {x.shape}", **others)
    check_float(op, x=x, **others)
    check_device(op, x, **given)
    _check_counter(num_batches_tracked)
    kept = None
    if running_mean is not None and running_var is not None:
        kept = RunningStatistics(running_mean, running_var, num_batches_tracked, momentum)
    return _batch_norm(x, weight, bias, kept, bool(training), eps)


def _check_counter(num_batches_tracked: Tensor | None) -> None:
    if num_batches_tracked is None:
        return
    check_shape("batch_norm", (), num_batches_tracked=num_batches_tracked)
    if num_batches_tracked.dtype != np.int64:
        dtype = num_batches_tracked.dtype
        raise TypeError(f"batch_norm: num_batches_tracked is {dtype}, expected int64")


@in_float32
def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running: RunningStatistics | None,
    training: bool,
    eps: float,
) -> Tensor:
    """``batch_norm`` with everything checked."""
    affine = _affine(weight, bias)
    if running is not None and not training:
        known = [convert(t.detach(), x.dtype) for t in (running.mean, running.var)]
        y = Normalise.apply(x, *known, *affine, eps=eps)
    else:
        count = x.size // x.shape[1] if x.shape[1] else 0
        if count < 2:
            raise ValueError(
                f"batch_norm: x has shape {x.shape}, which is {count} per channel, "
                "expected 2 or more to take the mean and variance of"
            )
        axes = (0, *range(2, x.ndim))
        y = Standardise.apply(x, *affine, axes=axes, eps=eps, per_line=True, running=running)
    if weight is not None or bias is None:
        return y
    return y + reshape(bias, (-1, *[1] * (x.ndim - 2)))


def _affine(weight: Tensor | None, bias: Tensor | None) -> list[Tensor]:
    """The weight and the bias as inputs of an op, which needs the weight for the bias."""
    return [] if weight is None else [weight] if bias is None else [weight, bias]


@dataclass(frozen=True)
class RunningStatistics:
    """The mean and the variance that batch norm uses in evaluation.

    mean, var (C,), batches () or None: the number of batches that they have followed.
    """

    mean: Tensor
    var: Tensor
    batches: Tensor | None
    momentum: float | None

    def update(self, statistics: Array, count: int) -> None:
        """Move them towards the statistics (3, C, 1) of a batch with count values per channel."""
        own = [self.mean, self.var]
        # Kernels take no float16.
        mean, var = (convert(t.detach(), np.promote_types(t.dtype, np.float32)).data for t in own)
        counter = self.batches
        batches = array_module(mean).zeros((), np.int64) if counter is None else counter.data
        with np.errstate(under="ignore"):  # what is not an op may round to 0 too
            kernels_for(mean).update_running(
                mean, var, batches, statistics, self.momentum, count / (count - 1)
            )
            for tensor, moved in zip(own, (mean, var), strict=True):
                if moved is tensor.data:
                    changes.record(moved, BY)
                else:
                    write_into(tensor, moved, BY)
        if counter is not None:
            changes.record(batches, BY)


def layer_norm(
    x: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample with mean 0 and variance 1 over its last axes, then scaled and shifted.

    y = (x - mean) / sqrt(var + eps) · weight + bias, var divided by the number of elements

    Exact for all finite float32 (in PyTorch NaN or 0 where squares overflow, above 1e19).
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
    y = Standardise.apply(x, *_affine(weight, bias), axes=axes, eps=eps, per_line=False)
    return y + bias if weight is None and bias is not None else y


def _check_normalized_shape(name: str, value: int | Sequence[int]) -> Axes:
    """The value as a tuple; an integer stands for one axis."""
    lengths = value if isinstance(value, tuple | list) else [value]
    if not lengths:
        raise ValueError(f"{name}: got {value!r}, expected one integer or several")
    return tuple([check_integer(name, n, least=1) for n in lengths])

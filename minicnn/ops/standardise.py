"""Standardisation: mean 0 and variance 1 over some axes; what batch and layer norm are made of.

An op here sees x as lines, and the kernels standardise each of them. For batch norm a line is a
channel with all its pixels, for layer norm it is what one sample has to normalise. ``axes`` are
those along which a line runs. A weight and a bias have one number for each line (``per_line``:
batch norm) or one for each place in a line (layer norm). In formulas

    x_hat = (x - mean) · scale, scale = 1 / sqrt(var + eps), mean and var those of each line

and mean(...) goes along the lines.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from ..backend.layout import batch_axis_last, batch_last
from .reduce import Axes, mean, sum
from .shape import reshape, sum_to


class Running(Protocol):
    """What follows the statistics of batches."""

    def update(self, statistics: Array, count: int) -> None:
        """Take the statistics (3, C, 1) of a batch that has so many numbers in each channel."""


class Standardise(Function):
    """y = x_hat · weight + bias

    x, y (N, ...), weight and bias (C,) with per_line, else the lengths of the axes; both may be
    missing. running gets the statistics of the batch.
    """

    def forward(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        axes: Axes,
        eps: float,
        per_line: bool = False,
        running: Running | None = None,
    ) -> Array:
        kernels, lines = kernels_for(x), _as_lines(x, axes)
        self.statistics = kernels.line_statistics(lines, eps)
        affine = [_as_parameter(p, x, per_line) for p in (weight, bias)]
        y = kernels.standardise(lines, self.statistics, *affine)
        if running is not None:
            running.update(self.statistics, lines.shape[1])
        return batch_last(y.reshape(-1), x.shape)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *parameters = self.inputs
        options = {name: value for name, value in self.options.items() if name != "running"}
        options["statistics"] = self.statistics
        grad_x, sums = None, None
        if any(self.needs_grad[1:]):
            sums = ParameterSums.apply(grad, x, **options)  # (2, *weight.shape)
        if self.needs_grad[0]:
            known = sums.data if sums is not None and options.get("per_line") else None
            grad_x = StandardiseGrad.apply(grad, x, *parameters[:1], sums=known, **options)
        pairs = zip((1, 0), self.needs_grad[1:], strict=False)  # sums[1] is that of the weight
        return grad_x, *(sums[i] if sums is not None and need else None for i, need in pairs)


class StandardiseGrad(Function):
    """The gradient of Standardise to x: scale · (g - mean(g) - x_hat · mean(g · x_hat)).

    g = grad · weight. sums: those of grad and grad · x_hat, with per_line, if they are known;
    statistics: those of x, if they are known.
    """

    def forward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None = None,
        *,
        axes: Axes,
        eps: float,
        per_line: bool = False,
        statistics: Array | None = None,
        sums: Array | None = None,
    ) -> Array:
        kernels, lines, grads = kernels_for(x), _as_lines(x, axes), _as_lines(grad, axes)
        if statistics is None:
            statistics = kernels.line_statistics(lines, eps)
        factor = _as_parameter(weight, x, per_line)
        if sums is None:
            sums = kernels.line_sums(grads, lines, statistics, factor)
        else:
            sums = sums.reshape(2, -1, 1) if factor is None else sums[:, :, None] * factor[:, 0]
        result = kernels.standardise_grad(grads, lines, statistics, factor, sums)
        return batch_last(result.reshape(-1), x.shape)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        """With u the incoming gradient: the map from g to the result is its own adjoint.

        x is in x_hat and in the scale, whose gradient to x is -scale² · x_hat / L.
        """
        (first, x, *weights), u = self.inputs, grad
        axes, options = self.options["axes"], _of_lines(self.options)
        weight = _broadcast(weights[0], x, self.options) if weights else None
        g = first if weight is None else first * weight
        to_g = StandardiseGrad.apply(u, x, **options)
        grad_x = grad_weight = None
        if self.needs_grad[1]:
            x_hat, scale = Standardise.apply(x, **options), LineScale.apply(x, **options)
            along = g * mean(u * x_hat, axes, True) + u * mean(g * x_hat, axes, True)
            product = mean(u * StandardiseGrad.apply(g, x, **options), axes, True)
            grad_x = -scale * (StandardiseGrad.apply(along, x, **options) + x_hat * product)
        if weight is not None and self.needs_grad[2]:
            grad_weight = reshape(sum_to(to_g * first, weight.shape), weights[0].shape)
        grad_grad = to_g if weight is None else to_g * weight
        return grad_grad, grad_x, *([grad_weight] if weights else [])


class ParameterSums(Function):
    """The gradients of Standardise to bias and weight: the sums of grad and of grad · x_hat.

    grad, x (N, ...) -> (2, *weight.shape), over all elements that share a weight
    """

    def forward(
        self, grad: Array, x: Array, *, axes: Axes, eps: float, statistics: Array, per_line: bool
    ) -> Array:
        kernels, lines, grads = kernels_for(x), _as_lines(x, axes), _as_lines(grad, axes)
        if per_line:
            return kernels.line_sums(grads, lines, statistics, None).reshape(2, -1)
        sums = kernels.sums_across_lines(grads, lines, statistics)  # (2, L)
        shape = tuple(x.shape[axis] for axis in axes)
        if len(axes) < x.ndim:
            return sums.reshape(2, *shape)
        first, *rest = shape  # the first axis is the last in memory
        return sums.reshape(2, *rest, first).transpose(0, x.ndim, *range(1, x.ndim))

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (first, x), per_line = self.inputs, self.options["per_line"]
        options = _of_lines(self.options)
        to_sum, to_product = (_broadcast(grad[i], x, self.options) for i in (0, 1))
        grad_grad = to_sum + to_product * Standardise.apply(x, **options)
        weights = {"per_line": per_line, **options}
        return grad_grad, StandardiseGrad.apply(first, x, grad[1], **weights)


class LineScale(Function):
    """1 / sqrt(var + eps) of each line, the axes with length 1."""

    keeps = "both"

    def forward(self, x: Array, *, axes: Axes, eps: float) -> Array:
        scale = kernels_for(x).line_statistics(_as_lines(x, axes), eps)[2]  # (B, A)
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        return batch_last(scale.astype(x.dtype).reshape(-1), shape)

    def backward(self, grad: Tensor) -> Tensor:
        (x,), axes = self.inputs, self.options["axes"]
        x_hat = Standardise.apply(x, **self.options)
        length = math.prod(x.shape[axis] for axis in axes)
        return grad * self.output * self.output * x_hat * (-1 / length)


class Normalise(Function):
    """Batch norm with known statistics: y = (x - mean) / sqrt(var + eps) · weight + bias.

    x, y (N, C, ...), all others (C,). No gradient goes to mean and var.
    """

    def forward(
        self,
        x: Array,
        mean: Array,
        var: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        eps: float,
    ) -> Array:
        kernels, lines = kernels_for(x), _as_lines(x, (0, *range(2, x.ndim)))
        self.statistics = kernels.known_statistics(mean, var, eps)
        affine = [_as_parameter(p, x, True) for p in (weight, bias)]
        y = kernels.standardise(lines, self.statistics, *affine)
        return batch_last(y.reshape(-1), x.shape)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        # The statistics are those of forward; by now mean and var may have been written into.
        x, _, _, *parameters = self.inputs
        axes, channels = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
        centre, _, scale = (Tensor(s.astype(x.dtype).reshape(channels)) for s in self.statistics)
        grad_x, grads = None, []
        if self.needs_grad[0]:
            weight = [reshape(parameters[0], channels)] if parameters else []
            grad_x = grad * math.prod(weight, start=scale)
        for i, need in enumerate(self.needs_grad[3:]):
            product = grad if i else grad * ((x - centre) * scale)
            grads.append(sum(product, axes) if need else None)
        return grad_x, None, None, *grads


def _of_lines(options: dict[str, Any]) -> dict[str, Any]:
    """The options that say what a line is, without those of the weight."""
    return {name: options[name] for name in ("axes", "eps")}


def _as_lines(x: Array, axes: Axes) -> Array:
    """The array (N, ...) as lines (B, L, A) along the axes, which are neighbours in memory."""
    stored = batch_axis_last(x)
    places = [(axis - 1) % x.ndim for axis in axes]
    start, stop = min(places), max(places) + 1
    lengths = (stored.shape[:start], stored.shape[start:stop], stored.shape[stop:])
    return stored.reshape(*map(math.prod, lengths))


def _as_parameter(values: Array | None, x: Array, per_line: bool) -> Array | None:
    """A weight or a bias as (B, 1, 1), or in the order of the places of a line as (1, L, 1)."""
    if values is None or per_line:
        return None if values is None else values.reshape(-1, 1, 1)
    return (batch_axis_last(values) if values.ndim == x.ndim else values).reshape(1, -1, 1)


def _broadcast(values: Tensor, x: Tensor, options: dict[str, Any]) -> Tensor:
    """A weight in a shape that broadcasts with x."""
    if not options.get("per_line"):
        return values
    return reshape(values, (1, -1, *[1] * (x.ndim - 2)))

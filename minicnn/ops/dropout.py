"""Dropout: setting random elements, or whole maps, to 0 while training."""

from __future__ import annotations

import math

from ..autograd import Tensor
from ..backend import Array, array_module, kernels_for
from ..backend.layout import as_chwn, as_nchw, batch_last
from ..backend.random import generator
from .check import check_float, check_images, check_number
from .select import keep


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each element 0 with probability p, else divided by 1 - p, so that its mean stays.

    x (...) -> the same shape; x itself when not training. The choice comes from the generator that
    ``minicnn.manual_seed`` seeds, the same on every device; the gradient is 0 where the element was
    dropped.
    Raises ValueError for a p outside [0, 1], TypeError unless x holds floats.
    Source: Srivastava et al., 2014, with the division moved into training as is usual.
    """
    check_float("dropout", x)
    return _drop("dropout", x, x.shape, p, training)


def dropout2d(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each map (n, c) 0 with probability p as a whole, else divided by 1 - p.

    x (N, C, H, W) -> the same shape. Neighbouring pixels tell the same, so single ones are hardly
    missed. Errors as in ``dropout``. Source: Tompson et al., 2015 (arXiv 1411.4280).
    """
    check_images("dropout2d", x)
    return _drop("dropout2d", x, (*x.shape[:2], 1, 1), p, training)


def _drop(op: str, x: Tensor, shape: tuple[int, ...], p: float, training: bool) -> Tensor:
    """Drop what lies under one drawn number each: a shape that broadcasts to that of x."""
    p = check_probability(op, p)
    if not training or p == 0:
        return x
    key = int(generator().integers(2**63))
    chances = kernels_for(x.data).uniform(x.data, math.prod(shape), key)
    kept: Array = batch_last(chances >= p, shape)
    if shape != x.shape:
        maps = array_module(kept).broadcast_to(kept, x.shape)
        kept = as_nchw(as_chwn(maps))  # as long as x, so that the result lies in memory as x does
    return keep(x, kept) * (1 / (1 - p) if p < 1 else 0.0)


def check_probability(op: str, p: float) -> float:
    """p as a number. Raises TypeError for others, ValueError for one outside [0, 1]."""
    number = check_number(op, p=p)
    if not 0 <= number <= 1:
        raise ValueError(f"{op}: p is {p}, expected a probability, 0 to 1")
    return number

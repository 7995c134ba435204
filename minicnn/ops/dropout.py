"""Dropout: setting random elements, or whole maps, to 0 while training."""

from __future__ import annotations

import math

from ..autograd import Tensor
from ..autograd.on_device import on_device
from ..backend import Array, array_module, kernels_for
from ..backend.layout import as_chwn, as_nchw, batch_last
from ..backend.random import draw_key, part_of_batch
from ..checks import check_number
from .check import check_float, check_images
from .select import keep


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each element 0 with probability p, else divided by 1 - p, which keeps its mean.

    x (...) -> the same shape; x itself when not training. The random numbers are those of
    ``minicnn.manual_seed``, the same on every device; the gradient is 0 where the element was
    dropped.
    Raises ValueError for a p outside [0, 1], TypeError unless x holds floats.
    Source: Srivastava et al., 2014, with the division done in training, as is usual.

    >>> mc.ops.dropout(mc.tensor(np.ones(8, np.float32)), p=0.5)
    tensor([2., 0., 0., 0., 2., 2., 0., 0.])
    """
    check_float("dropout", x=x)
    return _drop("dropout", x, x.shape, p, training)


def dropout2d(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Each map (n, c) 0 as a whole with probability p, else divided by 1 - p.

    x (N, C, H, W) -> the same shape. Neighbouring pixels are so alike that dropping single ones
    hardly removes information. Errors as in ``dropout``.
    Source: Tompson et al., 2015 (arXiv 1411.4280).

    >>> mc.ops.dropout2d(mc.tensor(np.ones((1, 3, 1, 2), np.float32))).data.tolist()
    [[[[2.0, 2.0]], [[0.0, 0.0]], [[0.0, 0.0]]]]
    """
    check_images("dropout2d", x)
    return _drop("dropout2d", x, (*x.shape[:2], 1, 1), p, training)


@on_device
def _drop(op: str, x: Tensor, shape: tuple[int, ...], p: float, training: bool) -> Tensor:
    """Drop the elements under each of the numbers drawn: a shape that broadcasts to that of x."""
    p = check_number(f"{op}: p", p, "a number from 0 to 1")
    if not training or p == 0:
        return x
    mask: Array = batch_last(_draws(x.data, shape) >= p, shape)
    if shape != x.shape:
        maps = array_module(mask).broadcast_to(mask, x.shape)
        mask = as_nchw(as_chwn(maps))  # as long as x, so that the result lies in memory as x does
    return keep(x, mask) * (1 / (1 - p) if p < 1 else 0.0)


def _draws(x: Array, shape: tuple[int, ...]) -> Array:
    """Random numbers for images of this shape (N, ...), flat, in batch-last order.

    Where a process computes a part of a batch, an image gets the numbers it has in the whole one.
    """
    kernels, key = kernels_for(x), draw_key()
    part = part_of_batch(shape[0]) if shape else None
    if part is None or not part.images:
        return kernels.uniform(x, math.prod(shape), key)
    numbers = kernels.uniform(x, math.prod(shape[1:]) * part.whole, key).reshape(-1, part.whole)
    return numbers[:, part.start : part.stop].reshape(-1)

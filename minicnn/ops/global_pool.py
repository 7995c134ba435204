"""Pooling whose windows follow the image: all of it, or a given number of regions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend.geometry import Window, make_window
from ..backend.padding import region_map
from ..checks import Pair, check_pair
from .avg_pool import average_windows
from .check import check_images
from .convert import in_float32
from .max_pool import MaxPool2d
from .pad import pad_by_maps
from .reduce import max, mean, min

SizeForm = int | tuple[int | None, int | None]
"""An output size as users write it: one integer for both axes, or a pair."""


def global_max_pool2d(x: Tensor, keepdim: bool = False) -> Tensor:
    """The largest pixel of each map: x (N, C, H, W) -> (N, C), with keepdim (N, C, 1, 1).

    On ties the first in row order takes the gradient; NaN wins over everything. PyTorch has no such
    op. Raises ValueError for images without pixels.

    >>> mc.ops.global_max_pool2d(mc.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    tensor([[6.]])
    """
    _check_pixels("global_max_pool2d", x)
    return max(x, (2, 3), keepdim)


def global_min_pool2d(x: Tensor, keepdim: bool = False) -> Tensor:
    """The smallest pixel of each map; shapes, rules and errors as in ``global_max_pool2d``.

    >>> mc.ops.global_min_pool2d(mc.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    tensor([[1.]])
    """
    _check_pixels("global_min_pool2d", x)
    return min(x, (2, 3), keepdim)


def global_avg_pool2d(x: Tensor, keepdim: bool = False) -> Tensor:
    """The mean of each map: x (N, C, H, W) -> (N, C), with keepdim (N, C, 1, 1).

    Raises ValueError for images without pixels. Source: Lin et al., 2014 (Network in Network).

    >>> mc.ops.global_avg_pool2d(mc.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    tensor([[3.]])
    """
    _check_pixels("global_avg_pool2d", x)
    return mean(x, (2, 3), keepdim)


@in_float32
def adaptive_avg_pool2d(x: Tensor, output_size: SizeForm) -> Tensor:
    """The means of OH x OW regions that cover the image: x (N, C, H, W) -> (N, C, OH, OW).

    Region i of an axis of H pixels runs from floor(i·H / OH) to ceil((i + 1)·H / OH), PyTorch's
    rule: neighbours share a pixel where OH does not divide H. output_size: one integer for both
    axes, or a pair, in which None stands for the size of x.
    Raises ValueError for images without pixels, TypeError or ValueError for other sizes.

    >>> mc.ops.adaptive_avg_pool2d(mc.tensor([[[[1.0, 2.0, 6.0]]]]), (1, 2))
    tensor([[[[1.5, 4. ]]]])
    """
    x, window, (rows, columns) = _lay_out_regions("adaptive_avg_pool2d", x, output_size, fill=0.0)
    return average_windows(x, window, np.outer(rows, columns))


@in_float32
def adaptive_max_pool2d(x: Tensor, output_size: SizeForm) -> Tensor:
    """The largest pixels of OH x OW regions that cover the image: (N, C, H, W) -> (N, C, OH, OW).

    Regions and errors are those of ``adaptive_avg_pool2d``, ties and NaN those of ``max_pool2d``.

    >>> mc.ops.adaptive_max_pool2d(mc.tensor([[[[1.0, 2.0, 6.0]]]]), (1, 2))
    tensor([[[[2., 6.]]]])
    """
    x, window, _ = _lay_out_regions("adaptive_max_pool2d", x, output_size, fill=-math.inf)
    return MaxPool2d.apply(x, window=window)


def _lay_out_regions(
    op: str, x: Tensor, output_size: SizeForm, fill: float
) -> tuple[Tensor, Window, list[tuple[int, ...]]]:
    """An image of the regions side by side, the window that steps from one to the next, and how
    many pixels each row and each column of regions has.

    Shorter regions are filled up, so that windows of one size fit all.
    """
    _check_pixels(op, x)
    rows, columns = (
        region_map(size, regions)
        for size, regions in zip(x.shape[2:], _check_size(op, x, output_size), strict=True)
    )
    if (len(rows[0]), len(columns[0])) != x.shape[2:]:
        x = pad_by_maps(x, rows=rows[0], columns=columns[0], value=fill)
    kernel = (rows[1], columns[1])
    height, width = x.shape[2:]
    return x, make_window(op, (height, width), kernel, stride=kernel), [rows[2], columns[2]]


def _check_size(op: str, x: Tensor, output_size: SizeForm) -> Pair:
    """The output size as a pair, in which None is replaced by the size of x."""
    size: Any = output_size
    if isinstance(size, tuple | list) and len(size) == 2:
        pairs = zip(x.shape[2:], size, strict=True)
        size = tuple([own if given is None else given for own, given in pairs])
    return check_pair(f"{op}: output_size", size)


def _check_pixels(op: str, x: Tensor) -> None:
    check_images(op, x)
    if 0 in x.shape[2:]:
        raise ValueError(f"{op}: x has shape {x.shape}, expected images with pixels")

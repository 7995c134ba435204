"""What the transforms share: the type of a batch of images, its check, and a border around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend.geometry import Sides

Images = NDArray[Any]
"""A float array (N, C, H, W)."""
Transform = Callable[[Images], Images]
"""A transform with ``moves_pixels = True`` puts pixels of the images elsewhere, by chance."""


def check_images(transform: object, images: Images) -> Images:
    """The images, if they are a float array (N, C, H, W). Raises TypeError or ValueError."""
    is_array = isinstance(images, np.ndarray)
    expected = "expected a float array (N, C, H, W)"
    if not is_array or images.dtype.kind != "f":
        got = images.dtype if is_array else type(images).__name__
        raise TypeError(f"{transform!r}: got {got}, {expected}")
    if images.ndim != 4:
        raise ValueError(f"{transform!r}: got shape {images.shape}, {expected}")
    return images


def check_channels(transform: object, expected: int, images: Images) -> None:
    """Raises ValueError unless the images (C, H, W, N) have the expected number of channels."""
    if len(images) != expected:
        raise ValueError(f"{transform!r}: has {expected} channels, the images have {len(images)}")


def pad_images(x: Images, padding: Sides, fill: float) -> Images:
    """A copy of the images (C, H, W, N) with a border of `fill` around each."""
    (top, bottom), (left, right) = padding
    channels, height, width, count = x.shape
    shape = (channels, top + height + bottom, left + width + right, count)
    result = np.full(shape, fill, x.dtype)
    result[:, top : top + height, left : left + width] = x
    return result

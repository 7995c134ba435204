"""Transforms that scale: the values, the size, and several transforms one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...backend.layout import as_chwn, as_nchw
from .checks import Images, checked_images, checked_size


class Compose:
    """Several transforms, one after the other: Compose([a, b])(x) = b(a(x)).

    Raises TypeError for something that cannot be called.
    """

    def __init__(self, transforms: Sequence[Callable[[Images], Images]]) -> None:
        for transform in transforms:
            if not callable(transform):
                raise TypeError(f"transforms: got {transform!r}, expected callables")
        self.transforms = tuple(transforms)

    def __call__(self, images: Images) -> Images:
        for transform in self.transforms:
            images = transform(images)
        return images

    def __repr__(self) -> str:
        return f"Compose([{', '.join(repr(transform) for transform in self.transforms)}])"


class Normalize:
    """y = (x - mean) / std, with one number for all channels or one for each.

    MNIST in the scale 0..1 has mean 0.1307 and standard deviation 0.3081.

    Raises ValueError for a std that is not positive, for lists of different lengths, and, when
    called, for images whose channels they do not match.
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = mean, std
        self._mean, self._std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if self._mean.ndim > 1 or self._mean.shape != self._std.shape:
            raise ValueError(f"mean, std: got {mean} and {std}, expected two numbers or two lists")
        if not (self._std > 0).all():
            raise ValueError(f"std: got {std}, expected more than 0")

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        if self._mean.ndim == 1 and len(self._mean) != len(x):
            raise ValueError(f"{self!r}: has {len(self._mean)} channels, the images have {len(x)}")
        result = x - self._mean.astype(x.dtype).reshape(-1, 1, 1, 1)  # (C, H, W, N)
        result /= self._std.astype(x.dtype).reshape(-1, 1, 1, 1)
        return as_nchw(result)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class PadTo:
    """Put the images in the middle of zeros, H x W large: PadTo(32) makes 28x28 LeNet's 32x32.

    An odd pixel goes to the bottom and the right. After Normalize zero is no longer the background;
    pad first.

    Raises ValueError, when called, for images that are larger.
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.size = checked_size("PadTo", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        channels, height, width, count = x.shape
        if height > self.size[0] or width > self.size[1]:
            raise ValueError(f"{self!r}: the images are larger, {height}x{width}")
        top, left = (self.size[0] - height) // 2, (self.size[1] - width) // 2
        result = np.zeros((channels, *self.size, count), x.dtype)
        result[:, top : top + height, left : left + width] = x
        return as_nchw(result)

    def __repr__(self) -> str:
        return f"PadTo({self.size})"


class Resize:
    """Bilinear interpolation to H x W, with pixel centres at half integers.

    Output pixel i looks at the input coordinate s = (i + 1/2) * H_in / H_out - 1/2, cut off at the
    borders, and takes (1 - t) x[floor s] + t x[floor s + 1] with t = s - floor s: PyTorch's
    interpolate(mode="bilinear", align_corners=False). The rows and the columns are independent, so
    it is two small matrices, y = R_H x R_W^T.

    It does not smooth before it shrinks: at less than half the size some input pixels count for
    nothing, and fine patterns alias.
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.size = checked_size("Resize", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        channels, height, width, count = x.shape
        new_height, new_width = self.size
        rows = _interpolation(height, new_height).astype(x.dtype)  # (H', H)
        columns = _interpolation(width, new_width).astype(x.dtype)  # (W', W)
        y = rows @ x.reshape(channels, height, width * count)  # (C, H', W*N)
        y = columns @ y.reshape(channels, new_height, width, count)  # (C, H', W', N)
        return as_nchw(y)

    def __repr__(self) -> str:
        return f"Resize({self.size})"


@lru_cache(maxsize=32)
def _interpolation(size: int, new_size: int) -> NDArray[np.float64]:
    """The matrix (new_size, size) of bilinear weights along one axis; each row sums to 1."""
    source = (np.arange(new_size) + 0.5) * (size / new_size) - 0.5
    source = np.clip(source, 0, size - 1)
    low = np.floor(source).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    weights = np.zeros((new_size, size))
    np.add.at(weights, (np.arange(new_size), low), 1 - (source - low))
    np.add.at(weights, (np.arange(new_size), high), source - low)
    return weights

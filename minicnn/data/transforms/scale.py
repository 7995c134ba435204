"""Transforms of the values and of the size of images, and several transforms in a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...backend.layout import as_chwn, as_nchw
from ...checks import IntOrPair, check_number, check_pair
from .images import Images, Transform, check_channels, check_images, pad_images


class Compose:
    """Several transforms, one after the other: Compose([a, b])(x) = b(a(x)).

    Raises TypeError for something that cannot be called.

    >>> from minicnn.data.transforms import Compose, Normalize, PadTo
    >>> Compose([PadTo((1, 4)), Normalize(0.5, 0.5)])(np.ones((1, 1, 1, 2)))
    array([[[[-1.,  1.,  1., -1.]]]])
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        for transform in transforms:
            if not callable(transform):
                raise TypeError(f"transforms: got {transform!r}, expected callables")
        self.transforms = tuple(transforms)
        self.moves_pixels = any(getattr(each, "moves_pixels", False) for each in transforms)

    def __call__(self, images: Images) -> Images:
        for transform in self.transforms:
            images = transform(images)
        return images

    def __repr__(self) -> str:
        return f"Compose([{', '.join(repr(transform) for transform in self.transforms)}])"


class Normalize:
    """y = (x - mean) / std, with one number for all channels or one per channel.

    MNIST scaled to 0..1 has mean 0.1307 and standard deviation 0.3081.

    Raises TypeError for anything but numbers, ValueError for a std that is not positive, for lists
    of different lengths, and, when called, for images with another number of channels.

    >>> mc.data.transforms.Normalize(mean=0.5, std=0.25)(np.array([[[[0.0, 0.5, 1.0]]]]))
    array([[[[-2.,  0.,  2.]]]])
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = mean, std
        self._mean = _check_numbers("Normalize: mean", mean, "a finite number")
        self._std = _check_numbers("Normalize: std", std, "a number above 0")
        if self._mean.ndim > 1 or self._mean.shape != self._std.shape:
            raise ValueError(
                f"Normalize: mean, std: got {mean} and {std}, expected two numbers or two lists "
                "of the same length"
            )

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        if self._mean.ndim == 1:
            check_channels(self, len(self._mean), x)
        result = x - self._mean.astype(x.dtype).reshape(-1, 1, 1, 1)  # (C, H, W, N)
        result /= self._std.astype(x.dtype).reshape(-1, 1, 1, 1)
        return as_nchw(result)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class PadTo:
    """Pads the images with zeros to H x W: PadTo(32) turns 28x28 into LeNet's 32x32.

    size: H for a square, or (H, W). The images stand in the centre; an odd pixel goes to the bottom
    and the right. After Normalize zero is no longer the background: pad first.

    Raises TypeError or ValueError for another size and, when called, ValueError for larger images.

    >>> mc.data.transforms.PadTo((2, 4))(np.ones((1, 1, 1, 2)))[0, 0]
    array([[0., 1., 1., 0.],
           [0., 0., 0., 0.]])
    """

    def __init__(self, size: IntOrPair) -> None:
        self.size = check_pair("PadTo: size", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        _, height, width, _ = x.shape
        missing = self.size[0] - height, self.size[1] - width
        if min(missing) < 0:
            raise ValueError(f"{self!r}: the images are larger, {height}x{width}")
        top, left = missing[0] // 2, missing[1] // 2
        border = (top, missing[0] - top), (left, missing[1] - left)
        return as_nchw(pad_images(x, border, 0.0))

    def __repr__(self) -> str:
        return f"PadTo({self.size})"


class Resize:
    """Bilinear interpolation to H x W, with pixel centres at half integers.

    Output pixel i reads the input at the coordinate s = (i + 1/2) * H_in / H_out - 1/2, clipped to
    the image, as (1 - t) x[floor s] + t x[floor s + 1] with t = s - floor s. This is PyTorch's
    interpolate(mode="bilinear", align_corners=False). Rows and columns are independent, so it is
    two small matrices, y = R_H x R_W^T. size: H for a square, or (H, W).

    It does not smooth before it shrinks: below half the size some input pixels are skipped, and
    fine patterns alias.

    Raises TypeError or ValueError for another size.

    >>> mc.data.transforms.Resize((1, 4))(np.array([[[[0.0, 1.0]]]]))
    array([[[[0.  , 0.25, 0.75, 1.  ]]]])
    """

    def __init__(self, size: IntOrPair) -> None:
        self.size = check_pair("Resize: size", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        channels, height, width, count = x.shape
        new_height, new_width = self.size
        rows = bilinear_weights(height, new_height).astype(x.dtype)  # (H', H)
        columns = bilinear_weights(width, new_width).astype(x.dtype)  # (W', W)
        y = rows @ x.reshape(channels, height, width * count)  # (C, H', W*N)
        y = columns @ y.reshape(channels, new_height, width, count)  # (C, H', W', N)
        return as_nchw(y)

    def __repr__(self) -> str:
        return f"Resize({self.size})"


def _check_numbers(
    name: str, values: float | Sequence[float], expected: str
) -> NDArray[np.float64]:
    """A number or a sequence of numbers as an array."""
    numbers = np.asarray(values, object)
    checked = [check_number(name, number, expected) for number in numbers.ravel()]
    return np.array(checked, np.float64).reshape(numbers.shape)


@lru_cache(maxsize=32)
def bilinear_weights(size: int, new_size: int) -> NDArray[np.float64]:
    """The matrix (new_size, size) of bilinear weights along one axis; every row sums to 1."""
    source = (np.arange(new_size) + 0.5) * (size / new_size) - 0.5
    source = np.clip(source, 0, size - 1)
    low = np.floor(source).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    weights = np.zeros((new_size, size))
    np.add.at(weights, (np.arange(new_size), low), 1 - (source - low))
    np.add.at(weights, (np.arange(new_size), high), source - low)
    return weights

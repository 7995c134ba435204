"""Random transforms that compute new pixels: affine maps and lighting."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend.layout import as_chwn, as_nchw
from ...backend.random import generator
from ...checks import check_number, check_number_pair
from ..dataset import to_float32
from .images import Images, check_channels, check_images, pad_images

_BAND = 1 << 15  # output pixels computed together, so that everything about them stays in cache


class RandomAffine:
    """Rotates, shifts, scales and shears each image about its centre c by random amounts.

    The pixel p = (x, y) moves to p' = c + t + s R S (p - c), with

        R = [cos a, -sin a; sin a, cos a]   a uniform in -degrees..degrees
        S = [1, tan b; 0, 1]                b uniform in -shear..shear, in degrees
        t = (t_x, t_y)                      uniform in -translate..translate, fractions of W and H
        s                                   uniform in scale[0]..scale[1]

    and each new pixel is the bilinear interpolation of the four pixels around the point it came
    from, with `fill` outside the image. After Normalize the background is no longer 0: distort
    first. Unlike in torchvision, degrees and shear are single numbers, and shifts are not rounded
    to whole pixels.

    Raises TypeError for anything but numbers and pairs of numbers, ValueError for negative or
    infinite ones, a translate above 1, a scale that is not positive, and a shear above 89 degrees.

    Source: Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to
    Visual Document Analysis", 2003.

    >>> dot = np.array([[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    >>> mc.data.transforms.RandomAffine(scale=(2.0, 2.0))(dot)[0, 0]
    array([[0.25, 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 0.25]])
    """

    moves_pixels = True

    def __init__(
        self,
        degrees: float = 0.0,
        translate: tuple[float, float] = (0.0, 0.0),
        scale: tuple[float, float] = (1.0, 1.0),
        shear: float = 0.0,
        fill: float = 0.0,
    ) -> None:
        name = type(self).__name__
        self.degrees = check_number(f"{name}: degrees", degrees, "a number of 0 or more")
        self.translate = check_number_pair(f"{name}: translate", translate, "a number from 0 to 1")
        self.scale = check_number_pair(f"{name}: scale", scale, "a number above 0")
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"{name}: scale: got {scale!r}, expected (least, most)")
        self.shear = check_number(f"{name}: shear", shear, "a number of 0 or more")
        if self.shear > 89:
            raise ValueError(f"{name}: shear: got {shear!r}, expected at most 89 degrees")
        self.fill = check_number(f"{name}: fill", fill, "a finite number")

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        return as_nchw(_warp(x, self._draw_inverse(*x.shape[1:]), self.fill))

    def _draw_inverse(self, height: int, width: int, count: int) -> NDArray[np.float64]:
        """Random maps M (2, 3, N): the pixel at p' - c = (y, x) came from p - c = M [y, x, 1]."""
        turn, lean, right, down = generator().uniform(-1, 1, (4, count))
        scale = generator().uniform(*self.scale, count)
        angle = math.radians(self.degrees) * turn
        slant = np.tan(math.radians(self.shear) * lean)
        sin, cos = np.sin(angle) / scale, np.cos(angle) / scale
        # S^-1 R^-1 / s, with R^-1 = [cos, sin; -sin, cos] and S^-1 = [1, -slant; 0, 1]
        matrix = np.array([[cos, -sin], [sin - slant * cos, cos + slant * sin]])  # (2, 2, N)
        shift = np.stack([self.translate[1] * height * down, self.translate[0] * width * right])
        offset = -np.einsum("ijn,jn->in", matrix, shift)  # (2, N)
        return np.concatenate([matrix, offset[:, None]], axis=1)  # (2, 3, N)

    def __repr__(self) -> str:
        return (
            f"RandomAffine(degrees={self.degrees}, translate={self.translate}, "
            f"scale={self.scale}, shear={self.shear}, fill={self.fill})"
        )


class RandomRotation(RandomAffine):
    """Rotates each image about its centre by an angle uniform in -degrees..degrees.

    Bilinear, with `fill` outside the image, as in RandomAffine.

    Raises TypeError or ValueError for degrees that are not a finite number of 0 or more.

    >>> rotated = mc.data.transforms.RandomRotation(15, fill=1.0)(np.zeros((8, 1, 28, 28)))
    >>> float(rotated.min()), float(rotated.max())  # the corners came from outside the image
    (0.0, 1.0)
    """

    def __init__(self, degrees: float, fill: float = 0.0) -> None:
        super().__init__(degrees, fill=fill)

    def __repr__(self) -> str:
        return f"RandomRotation({self.degrees}, fill={self.fill})"


class PCALighting:
    """Adds a random colour to each image, drawn along the principal components of the pixels.

    With the eigenvalues l_k and eigenvectors p_k (k = 1..C) of the covariance of the pixels' C
    channels in a data set,

        y[n, :, i, j] = x[n, :, i, j] + sum_k a[n, k] l_k p_k,   a[n, k] ~ N(0, std^2)

    so that the light changes as it does within the data set. Call `fit` first, with pixels on the
    same scale as the batches: the eigenvalues grow with the square of the scale. The data sets here
    give 0..1, before Normalize.

    Raises TypeError or ValueError for a std that is not a number of 0 or more, RuntimeError when
    called before `fit`, and ValueError when called with another number of channels.

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", 2012, section 4.1.

    >>> x = np.random.default_rng(0).random((4, 3, 8, 8))
    >>> change = mc.data.transforms.PCALighting(std=0.1).fit(x)(x) - x
    >>> change.shape, bool(np.allclose(change, change[:, :, :1, :1]))  # the same for all pixels
    ((4, 3, 8, 8), True)
    """

    eigenvalues: NDArray[np.float64] | None = None  # (C,)
    eigenvectors: NDArray[np.float64] | None = None  # (C, C), one in each column

    def __init__(self, std: float = 0.1) -> None:
        self.std = check_number("PCALighting: std", std, "a number of 0 or more")

    def fit(self, images: NDArray[Any]) -> PCALighting:
        """Find the components of the pixels of images (N, C, H, W), uint8 (as x / 255) or float.

        Returns the transform itself: PCALighting().fit(train.images). Raises TypeError or
        ValueError for other images.
        """
        name = f"{self!r}.fit"
        if not isinstance(images, np.ndarray):
            raise TypeError(f"{name}: got {type(images).__name__}, expected an array (N, C, H, W)")
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            raise TypeError(f"{name}: got {images.dtype}, expected uint8 or float")
        if images.ndim != 4 or images.size == 0:
            raise ValueError(f"{name}: got shape {images.shape}, expected (N, C, H, W) with pixels")
        self.eigenvalues, vectors = np.linalg.eigh(_colour_covariance(images))
        # The sign of an eigenvector is arbitrary: fix it, so that a seed means the same everywhere.
        largest = np.abs(vectors).argmax(axis=0)
        self.eigenvectors = vectors * np.sign(vectors[largest, np.arange(len(vectors))])
        return self

    def __call__(self, images: Images) -> Images:
        if self.eigenvalues is None or self.eigenvectors is None:
            raise RuntimeError(f"{self!r}: has no components yet, call fit(images) first")
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        channels = len(self.eigenvalues)
        check_channels(self, channels, x)
        amounts = generator().normal(0, self.std, (channels, x.shape[-1]))  # (C, N)
        colours = self.eigenvectors @ (self.eigenvalues[:, None] * amounts)  # (C, N)
        return as_nchw(x + colours.astype(x.dtype)[:, None, None, :])

    def __repr__(self) -> str:
        return f"PCALighting(std={self.std})"


def _colour_covariance(images: NDArray[Any]) -> NDArray[np.float64]:
    """The covariance (C, C) of the channels over all pixels of all images."""
    count, channels, height, width = images.shape
    total, products = np.zeros(channels), np.zeros((channels, channels))
    step = max(1, (1 << 20) // (height * width))  # a few images at a time: data sets are large
    for start in range(0, count, step):
        part = np.moveaxis(to_float32(images[start : start + step]), 1, 0)  # (C, n, H, W)
        pixels = part.reshape(channels, -1).astype(np.float64)  # (C, n*H*W)
        total += pixels.sum(axis=1)
        products += pixels @ pixels.T
    mean = total / (count * height * width)
    return np.asarray(products / (count * height * width) - np.outer(mean, mean))


def _warp(x: Images, inverse: NDArray[np.float64], fill: float) -> Images:
    """The images (C, H, W, N) sampled bilinearly where the maps `inverse` (2, 3, N) point."""
    channels, height, width, count = x.shape
    # With this border all four neighbours exist, however far outside the image a point is.
    padded = pad_images(x, ((1, 2), (1, 2)), fill).reshape(channels, -1)
    right, down = count, (width + 3) * count  # steps to the neighbours in a flat channel
    result = np.empty_like(x)
    for rows, places, t_y, t_x in _sample_points(inverse, height, width):
        for pixels, new in zip(padded, result[:, rows], strict=True):
            # All places exist: mode "clip" only spares NumPy the check.
            corner = [
                np.take(pixels[step:], places, mode="clip")
                for step in (0, right, down, down + right)
            ]
            upper = corner[0] + t_x * (corner[1] - corner[0])
            lower = corner[2] + t_x * (corner[3] - corner[2])
            new[...] = upper + t_y * (lower - upper)
    return result


def _sample_points(
    inverse: NDArray[np.float64], height: int, width: int
) -> Iterator[tuple[slice, NDArray[np.intp], Images, Images]]:
    """For bands of output rows: the upper left neighbour's place in the padded image, t_y, t_x."""
    count = inverse.shape[-1]
    matrix = inverse.astype(np.float32)
    y = np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    step = max(1, _BAND // (width * count))
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        low, t = [], []
        for (by_y, by_x, offset), size in zip(matrix, (height, width), strict=True):
            middle = np.float32((size - 1) / 2 + 1)  # 1 for the border
            source = (y[rows, None] * by_y + (offset + middle))[:, None] + x[:, None] * by_x
            np.clip(source, 0, size + 1, out=source)  # (h, W, N)
            floor = np.floor(source)
            low.append(floor.astype(np.intp))
            t.append(source - floor)
        places = (low[0] * (width + 3) + low[1]) * count + np.arange(count)  # (h, W, N)
        yield rows, places, t[0], t[1]

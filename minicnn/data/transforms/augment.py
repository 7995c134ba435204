"""Random transforms that compute new pixels: affine maps and lighting. Users: `data.transforms`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend.layout import as_chwn, as_nchw
from ...backend.random import generator
from ..dataset import to_float32
from .checks import Images, checked_images, checked_number, checked_pair
from .crops import frame

_BAND = 1 << 15  # output pixels that are computed together, so that all about them stays in cache


class RandomAffine:
    """Turns, shifts, scales and shears each image about its centre c, by numbers of its own.

    The pixel p = (x, y) moves to p' = c + t + s R S (p - c), with

        R = [cos a, -sin a; sin a, cos a]   a evenly from -degrees..degrees
        S = [1, tan b; 0, 1]                b evenly from -shear..shear, in degrees
        t = (t_x, t_y)                      evenly from -translate..translate, in fractions of W, H
        s                                   evenly from scale[0]..scale[1]

    and each new pixel is the bilinear interpolation of the four around the place that it came from,
    where what is outside of the image is `fill`. After Normalize the background is no longer 0:
    distort first. Unlike in torchvision, degrees and shear are single numbers, and shifts are not
    rounded to whole pixels.

    Raises ValueError for negative or infinite arguments, a translate above 1, a scale that is not
    positive, and a shear above 89 degrees.

    Source: Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to
    Visual Document Analysis", 2003.
    """

    def __init__(
        self,
        degrees: float = 0.0,
        translate: tuple[float, float] = (0.0, 0.0),
        scale: tuple[float, float] = (1.0, 1.0),
        shear: float = 0.0,
        fill: float = 0.0,
    ) -> None:
        name = type(self).__name__
        self.degrees = checked_number(f"{name}: degrees", degrees, 0)
        self.translate = checked_pair(f"{name}: translate", translate, 0, 1)
        self.scale = checked_pair(f"{name}: scale", scale, 0)
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f"{name}: scale {scale!r}, expected (least, most), above 0")
        self.shear = checked_number(f"{name}: shear", shear, 0, 89)
        self.fill = checked_number(f"{name}: fill", fill)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        return as_nchw(_warp(x, self._inverse(*x.shape[1:]), self.fill))

    def _inverse(self, height: int, width: int, count: int) -> NDArray[np.float64]:
        """(2, 3, N): where a pixel at (y', x') from the centre came from is M [y', x', 1]."""
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
    """Turns each image about its centre by an angle drawn evenly from -degrees..degrees.

    Bilinear, with `fill` for what is outside of the image, as in RandomAffine.

    Raises ValueError for negative or infinite degrees.
    """

    def __init__(self, degrees: float, fill: float = 0.0) -> None:
        super().__init__(degrees, fill=fill)

    def __repr__(self) -> str:
        return f"RandomRotation({self.degrees}, fill={self.fill})"


class PCALighting:
    """Adds to all pixels of an image one colour, drawn along the principal components of colour.

    With the eigenvalues l_k and eigenvectors p_k (k = 1..C) of the covariance of the pixels' C
    channels in a data set,

        y[n, :, i, j] = x[n, :, i, j] + sum_k a[n, k] l_k p_k,   a[n, k] ~ N(0, std^2)

    so that the light changes as it does in the data set. Call `fit` first, with pixels of the same
    scale as those of the batches: the eigenvalues grow with the square of the scale. That of the
    data sets here is 0..1, before Normalize.

    Raises ValueError for a negative std, RuntimeError when called before `fit`, and ValueError when
    called with images of another number of channels.

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", 2012, section 4.1.
    """

    eigenvalues: NDArray[np.float64] | None = None  # (C,)
    eigenvectors: NDArray[np.float64] | None = None  # (C, C), one in each column

    def __init__(self, std: float = 0.1) -> None:
        self.std = checked_number("PCALighting: std", std, 0)

    def fit(self, images: NDArray[Any]) -> PCALighting:
        """Find the components in images (N, C, H, W), uint8 (taken as x / 255) or float.

        Returns the transform itself: PCALighting().fit(train.images). Raises ValueError for others.
        """
        if not isinstance(images, np.ndarray) or images.ndim != 4 or images.size == 0:
            got = getattr(images, "shape", type(images).__name__)
            raise ValueError(f"{self!r}.fit: got {got}, expected an array (N, C, H, W) with pixels")
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            raise ValueError(f"{self!r}.fit: got {images.dtype}, expected uint8 or float")
        self.eigenvalues, vectors = np.linalg.eigh(_colour_covariance(images))
        # An eigenvector's sign is free. A rule for it makes the same seed the same everywhere.
        largest = np.abs(vectors).argmax(axis=0)
        self.eigenvectors = vectors * np.sign(vectors[largest, np.arange(len(vectors))])
        return self

    def __call__(self, images: Images) -> Images:
        if self.eigenvalues is None or self.eigenvectors is None:
            raise RuntimeError(f"{self!r}: has no components yet, call fit(images) first")
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        channels = len(self.eigenvalues)
        if len(x) != channels:
            raise ValueError(f"{self!r}: has {channels} channels, the images have {len(x)}")
        amounts = generator().normal(0, self.std, (channels, x.shape[-1]))  # (C, N)
        colours = self.eigenvectors @ (self.eigenvalues[:, None] * amounts)  # (C, N)
        return as_nchw(x + colours.astype(x.dtype)[:, None, None, :])

    def __repr__(self) -> str:
        return f"PCALighting(std={self.std})"


def _colour_covariance(images: NDArray[Any]) -> NDArray[np.float64]:
    """(C, C), of all pixels of all images."""
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
    """The images (C, H, W, N) read at the places that `inverse` (2, 3, N) says, bilinearly."""
    channels, height, width, count = x.shape
    # With this frame all four neighbours exist, however far outside of the image a place is.
    framed = frame(x, ((1, 2), (1, 2)), fill).reshape(channels, -1)
    right, down = count, (width + 3) * count  # steps to the neighbours in a flat channel
    result = np.empty_like(x)
    for rows, places, t_y, t_x in _places(inverse, height, width):
        for pixels, new in zip(framed, result[:, rows], strict=True):
            # Without mode "clip" NumPy would look for places that do not exist.
            corner = [
                np.take(pixels[step:], places, mode="clip")
                for step in (0, right, down, down + right)
            ]
            upper = corner[0] + t_x * (corner[1] - corner[0])
            lower = corner[2] + t_x * (corner[3] - corner[2])
            new[...] = upper + t_y * (lower - upper)
    return result


def _places(
    inverse: NDArray[np.float64], height: int, width: int
) -> Iterator[tuple[slice, NDArray[np.intp], Images, Images]]:
    """For bands of output rows: the upper left neighbour's place in the framed image, t_y, t_x."""
    count = inverse.shape[-1]
    matrix = inverse.astype(np.float32)
    y = np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    step = max(1, _BAND // (width * count))
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        low, t = [], []
        for (by_y, by_x, offset), size in zip(matrix, (height, width), strict=True):
            middle = np.float32((size - 1) / 2 + 1)  # 1 for the frame
            source = (y[rows, None] * by_y + (offset + middle))[:, None] + x[:, None] * by_x
            np.clip(source, 0, size + 1, out=source)  # (h, W, N)
            floor = np.floor(source)
            low.append(floor.astype(np.intp))
            t.append(source - floor)
        places = (low[0] * (width + 3) + low[1]) * count + np.arange(count)  # (h, W, N)
        yield rows, places, t[0], t[1]

"""Transforms that move whole pixels: crops, shifts and mirror images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...backend.geometry import Sides, sides
from ...backend.layout import as_chwn, as_nchw
from ...backend.random import generator
from ...checks import IntOrPair, Pair, check_integer, check_number, check_pair
from .images import Images, check_images, pad_images


class CenterCrop:
    """The central H x W pixels; an odd pixel is lost at the bottom and the right.

    size: H for a square, or (H, W). CenterCrop undoes PadTo.

    Raises TypeError or ValueError for another size and, when called, ValueError for smaller images.

    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> mc.data.transforms.CenterCrop(2)(x)[0, 0]
    array([[ 5.,  6.],
           [ 9., 10.]])
    """

    def __init__(self, size: IntOrPair) -> None:
        self.size = check_pair("CenterCrop: size", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        down, right = _last_corner(self, x, self.size)
        return as_nchw(_crop(x, down // 2, right // 2, self.size).copy())

    def __repr__(self) -> str:
        return f"CenterCrop({self.size})"


class TenCrop:
    """Ten crops of each image, (N, C, H, W) -> (10 N, C, H', W'), to average predictions over.

    The corners top left, top right, bottom left and bottom right, the centre, and the same five of
    the mirrored image, as in PyTorch. The first N rows are crop 1 of every image, then crop 2:

        logits = model(mc.tensor(TenCrop(24)(images)))               # (10 N, K)
        ops.softmax(logits).reshape(10, -1, K).mean(0)               # (N, K)

    A DataLoader cannot use it: there are ten images for each label. size: H' or (H', W').

    Raises TypeError or ValueError for another size and, when called, ValueError for smaller images.

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", 2012, section 4.1.

    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> mc.data.transforms.TenCrop(1)(x).ravel()
    array([0., 2., 6., 8., 4., 2., 0., 8., 6., 4.])
    """

    def __init__(self, size: IntOrPair) -> None:
        self.size = check_pair("TenCrop: size", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        down, right = _last_corner(self, x, self.size)
        corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
        both = (x, x[:, :, ::-1])
        crops = [_crop(side, top, left, self.size) for side in both for top, left in corners]
        return as_nchw(np.concatenate(crops, axis=-1))  # (10 N, C, H', W')

    def __repr__(self) -> str:
        return f"TenCrop({self.size})"


class RandomCrop:
    """H x W pixels from a random place in each image, after a border of `fill` is added to it.

    Every place where the crop fits is equally likely. `padding` is p, (p_h, p_w) or
    ((top, bottom), (left, right)). After Normalize the background is no longer 0: crop first.

    Raises TypeError or ValueError for other arguments and, when called, ValueError for images that
    are smaller even with their padding.

    >>> dot = np.array([[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    >>> mc.data.transforms.RandomCrop(2)(dot)[0, 0]
    array([[1., 0.],
           [0., 0.]])
    """

    moves_pixels = True

    def __init__(self, size: IntOrPair, padding: IntOrPair | Sides = 0, fill: float = 0.0) -> None:
        self.size = check_pair("RandomCrop: size", size)
        self.padding = sides(padding, "RandomCrop: padding")
        self.fill = check_number("RandomCrop: fill", fill, "a finite number")

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        if np.any(self.padding):
            x = pad_images(x, self.padding, self.fill)
        down, right = _last_corner(self, x, self.size)
        tops = generator().integers(0, down + 1, x.shape[-1:])  # (N,)
        lefts = generator().integers(0, right + 1, x.shape[-1:])  # (N,)
        return as_nchw(_crop_each(x, tops, lefts, self.size))

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding}, fill={self.fill})"


class RandomShift:
    """Shifts each image by up to `pixels` whole pixels, up or down and left or right.

    y[i, j] = x[i - d, j - r] with d and r uniform in -pixels..pixels, and `fill` where that is
    outside the image: a RandomCrop of the images' own size. After Normalize the background is no
    longer 0: shift first.

    Raises TypeError or ValueError for other arguments.

    >>> dot = np.array([[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    >>> mc.data.transforms.RandomShift(1)(dot)[0, 0]
    array([[0., 1., 0.],
           [0., 0., 0.],
           [0., 0., 0.]])
    """

    moves_pixels = True

    def __init__(self, pixels: int, fill: float = 0.0) -> None:
        self.pixels = check_integer("RandomShift: pixels", pixels, least=0)
        self.fill = check_number("RandomShift: fill", fill, "a finite number")

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        _, height, width, count = x.shape
        p = self.pixels
        tops = generator().integers(0, 2 * p + 1, (count,))  # (N,)
        lefts = generator().integers(0, 2 * p + 1, (count,))  # (N,)
        padded = pad_images(x, ((p, p), (p, p)), self.fill)  # (C, H + 2p, W + 2p, N)
        return as_nchw(_crop_each(padded, tops, lefts, (height, width)))

    def __repr__(self) -> str:
        return f"RandomShift({self.pixels}, fill={self.fill})"


class RandomHorizontalFlip:
    """Mirrors each image with probability p: y[i, j] = x[i, W - 1 - j].

    It does not suit digits and letters, most of which a mirror turns into something else.

    Raises TypeError or ValueError for a p that is not a number from 0 to 1.

    >>> mc.data.transforms.RandomHorizontalFlip(p=1.0)(np.array([[[[1.0, 2.0, 3.0]]]]))
    array([[[[3., 2., 1.]]]])
    """

    moves_pixels = True

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_number("RandomHorizontalFlip: p", p, "a number from 0 to 1")

    def __call__(self, images: Images) -> Images:
        x = as_chwn(check_images(self, images))  # (C, H, W, N)
        result = x.copy()
        np.copyto(result, x[:, :, ::-1], where=generator().random(x.shape[-1]) < self.p)
        return as_nchw(result)

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


def _last_corner(transform: object, x: Images, size: Pair) -> Pair:
    """The lowest and rightmost (top, left) at which a crop of this size fits."""
    _, height, width, _ = x.shape
    if height < size[0] or width < size[1]:
        raise ValueError(f"{transform!r}: the images are smaller, {height}x{width}")
    return height - size[0], width - size[1]


def _crop(x: Images, top: int, left: int, size: Pair) -> Images:
    return x[:, top : top + size[0], left : left + size[1]]  # (C, H', W', N)


def _crop_each(x: Images, tops: NDArray[np.int64], lefts: NDArray[np.int64], size: Pair) -> Images:
    """From each image of (C, H, W, N) the crop at its own corner, (C, H', W', N)."""
    channels, _, width, count = x.shape
    columns = np.arange(size[1])[:, None] + (tops * width + lefts)  # (W', N)
    places = columns * count + np.arange(count)  # of the crops' first rows, in a flat channel
    result = np.empty((channels, *size, count), x.dtype)
    for pixels, crops in zip(x.reshape(channels, -1), result, strict=True):
        for row in range(size[0]):
            # All places exist; mode "raise" would check them, and copy through a buffer.
            np.take(pixels[row * width * count :], places, out=crops[row], mode="clip")
    return result

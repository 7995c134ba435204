"""Transforms that move whole pixels: crops, shifts and mirror images. Users: `data.transforms`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...backend.geometry import sides
from ...backend.layout import as_chwn, as_nchw
from ...backend.random import generator
from .checks import Images, checked_images, checked_number, checked_size

Sides = tuple[tuple[int, int], tuple[int, int]]


class CenterCrop:
    """The middle H x W of the images; an odd pixel is lost at the bottom and the right.

    It undoes PadTo. Raises ValueError, when called, for images that are smaller.
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.size = checked_size("CenterCrop", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        down, right = _room(self, x, self.size)
        return as_nchw(_cut(x, down // 2, right // 2, self.size).copy())

    def __repr__(self) -> str:
        return f"CenterCrop({self.size})"


class TenCrop:
    """Ten crops of each image, (N, C, H, W) -> (10 N, C, size, size), to average the answers to.

    The corners top left, top right, bottom left and bottom right, the centre, and these five from
    the mirrored image, as in PyTorch. The first N rows are crop 1 of every image, then crop 2:

        logits = model(mc.tensor(TenCrop(24)(images)))               # (10 N, K)
        ops.softmax(logits).reshape(10, -1, K).mean(0)               # (N, K)

    It multiplies the images, so it is no transform for a DataLoader, whose labels would not match.

    Raises ValueError, when called, for images that are smaller.

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", 2012, section 4.1.
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.size = checked_size("TenCrop", size)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        down, right = _room(self, x, self.size)
        corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
        both = (x, x[:, :, ::-1])
        crops = [_cut(side, top, left, self.size) for side in both for top, left in corners]
        return as_nchw(np.concatenate(crops, axis=-1))  # (10 N, C, H', W')

    def __repr__(self) -> str:
        return f"TenCrop({self.size})"


class RandomCrop:
    """H x W pixels from anywhere in each image, which first gets a border of `fill`.

    The places are drawn evenly among all that fit, for each image anew. `padding` is p, (p_h, p_w)
    or ((top, bottom), (left, right)). After Normalize the background is no longer 0: crop first.

    Raises TypeError or ValueError for other arguments, ValueError, when called, for images that are
    smaller even with their padding.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        padding: int | tuple[int, int] | Sides = 0,
        fill: float = 0.0,
    ) -> None:
        self.size = checked_size("RandomCrop", size)
        self.padding = sides(padding, "RandomCrop: padding")
        self.fill = checked_number("RandomCrop: fill", fill)

    def __call__(self, images: Images) -> Images:
        x = frame(as_chwn(checked_images(self, images)), self.padding, self.fill)  # (C, H, W, N)
        down, right = _room(self, x, self.size)
        tops = generator().integers(0, down + 1, x.shape[-1:])  # (N,)
        lefts = generator().integers(0, right + 1, x.shape[-1:])  # (N,)
        return as_nchw(_cut_each(x, tops, lefts, self.size))

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding}, fill={self.fill})"


class RandomShift:
    """Moves each image by up to `pixels` whole pixels, up or down and left or right.

    y[i, j] = x[i - d, j - r] with d and r drawn evenly from -pixels..pixels, and `fill` where that
    is outside of the image: a RandomCrop of the images' own size. After Normalize the background is
    no longer 0: shift first.

    Raises ValueError for other arguments.
    """

    def __init__(self, pixels: int, fill: float = 0.0) -> None:
        if type(pixels) is not int or pixels < 0:
            raise ValueError(f"RandomShift: pixels {pixels!r}, expected an integer of 0 or more")
        self.pixels = pixels
        self.fill = checked_number("RandomShift: fill", fill)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        _, height, width, count = x.shape
        p = self.pixels
        tops = generator().integers(0, 2 * p + 1, (count,))  # (N,)
        lefts = generator().integers(0, 2 * p + 1, (count,))  # (N,)
        framed = frame(x, ((p, p), (p, p)), self.fill)  # (C, H + 2p, W + 2p, N)
        return as_nchw(_cut_each(framed, tops, lefts, (height, width)))

    def __repr__(self) -> str:
        return f"RandomShift({self.pixels}, fill={self.fill})"


class RandomHorizontalFlip:
    """Each image, with probability p, becomes its mirror image, y[i, j] = x[i, W - 1 - j].

    For digits and letters, which it would turn into others, it is the wrong transform.

    Raises ValueError for a p that is not from 0 to 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = checked_number("RandomHorizontalFlip: p", p, 0, 1)

    def __call__(self, images: Images) -> Images:
        x = as_chwn(checked_images(self, images))  # (C, H, W, N)
        result = x.copy()
        np.copyto(result, x[:, :, ::-1], where=generator().random(x.shape[-1]) < self.p)
        return as_nchw(result)

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


def frame(x: Images, border: Sides, fill: float) -> Images:
    """(C, H, W, N) with a border of `fill` around each image; without a border x itself."""
    (above, below), (before, after) = border
    if not any((above, below, before, after)):
        return x
    channels, height, width, count = x.shape
    shape = (channels, above + height + below, before + width + after, count)
    result = np.full(shape, fill, x.dtype)
    result[:, above : above + height, before : before + width] = x
    return result


def _room(transform: object, x: Images, size: tuple[int, int]) -> tuple[int, int]:
    """How far down and right a crop of this size can begin."""
    _, height, width, _ = x.shape
    if height < size[0] or width < size[1]:
        raise ValueError(f"{transform!r}: the images are smaller, {height}x{width}")
    return height - size[0], width - size[1]


def _cut(x: Images, top: int, left: int, size: tuple[int, int]) -> Images:
    return x[:, top : top + size[0], left : left + size[1]]  # (C, H', W', N)


def _cut_each(
    x: Images, tops: NDArray[np.int64], lefts: NDArray[np.int64], size: tuple[int, int]
) -> Images:
    """From each image of (C, H, W, N) the crop at its own place, (C, H', W', N)."""
    channels, _, width, count = x.shape
    columns = np.arange(size[1])[:, None] + (tops * width + lefts)  # (W', N)
    places = columns * count + np.arange(count)  # of the crops' first rows, in a flat channel
    result = np.empty((channels, *size, count), x.dtype)
    for pixels, crops in zip(x.reshape(channels, -1), result, strict=True):
        for row in range(size[0]):
            # All places exist. Mode "raise" would look for those that do not, in a buffer.
            np.take(pixels[row * width * count :], places, out=crops[row], mode="clip")
    return result

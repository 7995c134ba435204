"""A photograph or drawing of one digit, converted to an image like those of MNIST."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .pictures import read_picture, resize_grey

BOX, SIDE = 20, 28  # pixels: the longer side of the digit, and the side of the image around it
INK_THRESHOLD = 0.15  # of the darkest stroke: lighter pixels do not count when the digit is cut out


def read_digit(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """The digit in an image file as an image like MNIST's: (28, 28), ink 1 on background 0.

    Raises DataError for a file that cannot be read or shows nothing, and without Pillow.
    """
    return to_mnist_image(read_picture(path, channels=1)[0], os.fspath(path))


def to_mnist_image(grey: NDArray[np.uint8], name: str = "image") -> NDArray[np.float32]:
    """One digit in grey levels (H, W) as an image like MNIST's: (28, 28), ink 1 on background 0.

    This follows how MNIST was made (LeCun et al., 1998, section III.A): the digit is cut out,
    scaled to fit a box of 20x20 pixels with its aspect ratio preserved, and placed in 28x28 pixels
    with its centre of mass in the middle. Dark digits on light paper are inverted; the level of the
    paper is the median of the border.

    Raises DataError for an image whose grey levels hardly differ.
    """
    ink = _measure_ink(grey, name)
    is_ink = ink >= INK_THRESHOLD
    rows, columns = np.flatnonzero(is_ink.any(1)), np.flatnonzero(is_ink.any(0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(n * scale)) for n in digit.shape)
    small = resize_grey(np.rint(digit * 255).astype(np.uint8), (height, width))
    return _place_by_mass(small.astype(np.float32) / np.float32(255))


def _measure_ink(grey: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
    """How much ink each pixel holds, from 0 to 1."""
    level = grey.astype(np.float32) / 255
    border = np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]])
    paper = np.median(border)
    ink = level - paper
    if abs(ink.min()) > ink.max():
        ink = -ink
    ink = np.maximum(ink, 0)
    if ink.max() < 0.1:
        raise DataError(f"{name}: shows no digit, its grey levels hardly differ")
    return np.asarray(ink / ink.max(), np.float32)


def _place_by_mass(digit: NDArray[np.float32]) -> NDArray[np.float32]:
    """The digit in an image of 28x28 with its centre of mass in the middle."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)
    row = float(digit.sum(1) @ (np.arange(height) + 0.5)) / mass
    column = float(digit.sum(0) @ (np.arange(width) + 0.5)) / mass
    top = min(max(round(SIDE / 2 - row), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - column), 0), SIDE - width)
    image = np.zeros((SIDE, SIDE), np.float32)
    image[top : top + height, left : left + width] = digit
    return image

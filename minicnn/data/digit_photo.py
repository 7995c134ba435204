"""A photograph or a drawing of one digit, brought into the form in which MNIST holds its digits."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .pictures import need_pillow

BOX, SIDE = 20, 28  # pixels: of the digit's longer side, and of the image around it
INK = (
    0.15  # from this part of the darkest stroke on a pixel counts as ink when the digit is cut out
)


def read_digit(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """The digit in an image file as MNIST would hold it: (28, 28), ink 1 on background 0.

    Raises DataError for a file that cannot be read, or that shows nothing.
    """
    pillow = _pillow()
    try:
        with pillow.open(path) as picture:
            paper = pillow.new("RGBA", picture.size, "white")  # behind what is transparent
            gray = pillow.alpha_composite(paper, picture.convert("RGBA")).convert("L")
    except OSError as error:
        raise DataError(f"{os.fspath(path)}: no image that can be read ({error})") from error
    return as_mnist(np.asarray(gray), os.fspath(path))


def as_mnist(gray: NDArray[np.uint8], name: str = "image") -> NDArray[np.float32]:
    """One digit in grey levels (H, W) as MNIST would hold it: (28, 28), ink 1 on background 0.

    As MNIST was made (LeCun et al., 1998, section III.A): the digit is cut out, scaled with its
    proportions into a box of 20x20 pixels, and placed in 28x28 with its centre of mass in the
    middle. Dark digits on light paper are inverted; the paper is what most of the border shows.
    Raises DataError for an image of one grey level.
    """
    ink = _ink(gray, name)
    rows, columns = np.flatnonzero((ink >= INK).any(1)), np.flatnonzero((ink >= INK).any(0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(n * scale)) for n in digit.shape)
    pillow = _pillow()
    picture = pillow.fromarray(np.rint(digit * 255).astype(np.uint8))
    smaller = picture.resize((width, height), pillow.Resampling.LANCZOS)
    return _centred(np.asarray(smaller, np.float32) / np.float32(255))


def _pillow() -> Any:
    need_pillow()
    return importlib.import_module("PIL.Image")  # only those who read pictures pay for the import


def _ink(gray: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
    """How much ink each pixel holds, 0 to 1."""
    level = gray.astype(np.float32) / 255
    border = np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]])
    paper = np.median(border)
    ink = level - paper
    if abs(ink.min()) > ink.max():
        ink = -ink
    ink = np.maximum(ink, 0)
    if ink.max() < 0.1:
        raise DataError(f"{name}: shows no digit, its grey levels hardly differ")
    return np.asarray(ink / ink.max(), np.float32)


def _centred(digit: NDArray[np.float32]) -> NDArray[np.float32]:
    """The digit in the middle of 28x28 by its centre of mass."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)
    row = float(digit.sum(1) @ (np.arange(height) + 0.5)) / mass
    column = float(digit.sum(0) @ (np.arange(width) + 0.5)) / mass
    top = min(max(round(SIDE / 2 - row), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - column), 0), SIDE - width)
    image = np.zeros((SIDE, SIDE), np.float32)
    image[top : top + height, left : left + width] = digit
    return image

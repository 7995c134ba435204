"""A photograph, scan or drawing of one digit, converted to an image like those of MNIST.

The paper is a smooth surface, whatever its light: what is darker or lighter is ink. Lines across
the whole picture, specks, and what hangs on its edge are left out. Thin strokes are made as wide as
those of a pen on MNIST's forms, before the picture becomes so small that they would vanish.
"""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .components import components
from .errors import DataError
from .pictures import dilate_grey, read_picture, resize_grey

BOX, SIDE = 20, 28  # pixels: the longer side of the digit, and the side of the image around it
WORK_SIDE = 256  # pixels: larger pictures are made so small first
SMALL = 64  # pixels: smaller pictures are cut out already
BLOCKS = 24  # along a side: their medians show the paper,
NEAR = 0.2  # of white: where they differ by less from a plane
FAINT, STRONG = 0.2, 0.45  # of the darkest stroke: a stroke may be faint, but not everywhere
NOISE = 4.0  # standard deviations of the paper: less is no ink
LEAST_INK = 0.08  # of black: where the darkest pixel has less, there is nothing
SPECK = 0.04  # of the largest part: smaller ones are specks
WIDTH = 0.11  # of the longer side: how wide a stroke on MNIST's forms is

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


def read_digit(
    path: str | os.PathLike[str], side: int = SIDE, box: int = BOX
) -> NDArray[np.float32]:
    """The digit in an image file as an image like MNIST's: (side, side), ink 1 on background 0.

    Raises DataError for a file that cannot be read, shows nothing or several digits, and without
    Pillow.
    """
    return to_mnist_image(read_picture(path, channels=1)[0], os.fspath(path), side, box)


def to_mnist_image(
    grey: NDArray[np.uint8], name: str = "image", side: int = SIDE, box: int = BOX
) -> NDArray[np.float32]:
    """One digit in grey levels (H, W) as an image like MNIST's: (side, side), ink 1 on 0.

    At the end this follows how MNIST was made (LeCun et al., 1998, section III.A): the digit is cut
    out, scaled to fit a box of 20x20 pixels with its aspect ratio preserved, and placed in 28x28
    pixels with its centre of mass in the middle. Light digits on dark paper are inverted.

    Raises DataError for an image whose grey levels hardly differ, and for several digits.
    """
    ink, noise = _measure_ink(_shrink(grey))
    if ink.max() < LEAST_INK:
        raise DataError(f"{name}: shows no digit, its grey levels hardly differ")
    ink = _without_lines(ink)
    if ink.max() < LEAST_INK:
        raise DataError(f"{name}: shows no digit, only lines from edge to edge")
    part, mask = _largest_parts(ink, noise, name)
    part = _widen(np.where(mask, part, 0), mask)
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    digit = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = box / max(digit.shape)
    height, width = (max(1, round(n * scale)) for n in digit.shape)
    small = resize_grey(np.rint(digit * 255).astype(np.uint8), (height, width))
    return _place_by_mass(small.astype(np.float32) / np.float32(max(small.max(), 1)), side)


def _shrink(grey: NDArray[np.uint8]) -> Grey:
    """The levels from 0 to 1, of a picture that is not too large to look at every pixel."""
    scale = WORK_SIDE / max(grey.shape)
    if scale < 1:
        height, width = (max(1, round(n * scale)) for n in grey.shape)
        grey = resize_grey(grey, (height, width))
    return grey.astype(np.float32) / np.float32(255)


def _measure_ink(level: Grey) -> tuple[Grey, float]:
    """How much ink each pixel holds, at most 1, and the standard deviation of the paper."""
    difference = level - _paper(level)
    # Of neighbours, since the paper is smooth: half of these differences are below 0.95 noise.
    noise = float(np.median(np.abs(np.diff(level, axis=1)))) / 0.95 if level.shape[1] > 1 else 0.0
    far = difference[np.abs(difference) > max(NOISE * noise, LEAST_INK / 2)]
    ink = difference if (far * np.abs(far)).sum() > 0 else -difference
    return np.maximum(ink, 0), noise


def _paper(level: Grey) -> Grey:
    """The level of the paper at each pixel: a surface of second degree near most of the blocks.

    A small picture is cut out already; its paper is the border, of one level.
    """
    height, width = level.shape
    if max(level.shape) < SMALL:
        border = np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]])
        return np.full_like(level, np.median(border))
    y, x = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    medians = np.block(
        [
            [
                np.median(level[rows, columns].reshape(b, high, c, wide), axis=(1, 3))
                for columns, c, wide in _blocks(width)
            ]
            for rows, b, high in _blocks(height)
        ]
    )
    at_y, at_x = (
        np.concatenate([axis[span].reshape(n, size).mean(1) for span, n, size in _blocks(length)])
        for axis, length in ((y, height), (x, width))
    )
    terms = _terms(at_y, at_x).reshape(6, -1).T  # (blocks, 6)
    values = medians.ravel()
    far = values - np.median(values)
    # Reweighted least squares: ink counts as little as its distance is large. First a plane, which
    # ink at one edge cannot bend, then a bent surface through what is near it.
    for near, degree in ((np.inf, 3), (NEAR, 6)):
        kept, used = np.abs(far) <= near, terms[:, :degree]
        for _ in range(15):
            root = kept / np.sqrt(np.maximum(np.abs(far), 0.01))
            found, *_ = np.linalg.lstsq(used * root[:, None], values * root, rcond=None)
            far = values - used @ found
    return np.einsum("k,khw->hw", found, _terms(y, x)).astype(np.float32)


def _blocks(length: int) -> list[tuple[slice, int, int]]:
    """The BLOCKS along a side, or fewer: where those of the same size are, how many, their size."""
    number = min(BLOCKS, length)
    size, larger = divmod(length, number)
    border = larger * (size + 1)
    of_both = [(slice(border), larger, size + 1), (slice(border, None), number - larger, size)]
    return of_both if larger else of_both[1:]


def _terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, y, x, y², xy, x² at each place: (6, H, W)."""
    y, x = y[:, None], x[None, :]
    return np.stack(np.broadcast_arrays(np.ones_like(y * x), y, x, y * y, x * y, x * x))


def _without_lines(ink: Grey) -> Grey:
    """The ink without the lines of ruled or squared paper, which run from edge to edge.

    Where a digit crosses such a line, there is ink on both sides of it.
    """
    for _ in range(2):  # the rows, then the columns
        is_line = (ink > FAINT / 2 * ink.max()).mean(1) > 0.9
        if not is_line.all():
            ink = ink.copy()
            for group in np.split(np.flatnonzero(is_line), _breaks(is_line)):
                if 0 < len(group) <= max(2, len(ink) // 40):
                    above = ink[max(group[0] - 1, 0)]
                    below = ink[min(group[-1] + 1, len(ink) - 1)]
                    ink[group] = np.minimum(above, below)
        ink = ink.T
    return ink


def _breaks(flags: Mask) -> NDArray[np.intp]:
    return np.flatnonzero(np.diff(np.flatnonzero(flags)) > 1) + 1


def _largest_parts(ink: Grey, noise: float, name: str) -> tuple[Grey, Mask]:
    """The ink from 0 to 1, and where it belongs to the digit."""
    top = float(np.quantile(ink[ink > ink.max() / 2], 0.9))
    least = max(FAINT * top, min(NOISE * noise, STRONG * top))
    labels = components(ink > least)
    parts = [labels == k for k in np.unique(labels[ink > STRONG * top]) if k]
    edged = [part[[0, -1]].any() or part[:, [0, -1]].any() for part in parts]
    if not all(edged):
        inside = [part for part, at_edge in zip(parts, edged, strict=True) if not at_edge]
        largest = max(part.sum() for part in inside)
        if largest > SPECK * max(part.sum() for part in parts):
            parts = inside
    largest = max(part.sum() for part in parts)
    parts = [part for part in parts if part.sum() >= SPECK * largest]
    _check_one(parts, name)
    return np.minimum(ink / np.float32(top), 1), np.logical_or.reduce(parts)


def _check_one(parts: list[Mask], name: str) -> None:
    """Raise DataError for parts of similar height next to each other: these are several digits."""
    boxes = []
    for part in parts:
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        boxes.append((columns[0], columns[-1], rows[-1] - rows[0] + 1))
    tallest = max(height for *_, height in boxes)
    tall = sorted(box for box in boxes if box[2] > 0.6 * tallest)
    apart = sum(b[0] > a[1] for a, b in pairwise(tall))
    if apart:
        raise DataError(f"{name}: shows {apart + 1} digits next to each other, expected one")


def _widen(ink: Grey, mask: Mask) -> Grey:
    """The ink with strokes that are not thinner than MNIST's."""
    area = float(mask.sum())
    edges = float((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())
    # A long stroke of width w and length l has w·l pixels; its two sides cross 8·l/pi edges of
    # pixels, on the average over all directions.
    width = area / max(edges * np.pi / 8, 1)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    radius = round((WIDTH * longer - width) / 2)
    if radius < 1:
        return ink
    space = np.pad(ink, radius)
    bytes_ = np.rint(space / max(float(ink.max()), 1e-6) * 255).astype(np.uint8)
    return dilate_grey(bytes_, radius).astype(np.float32) / np.float32(255)


def _place_by_mass(digit: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The digit in a square image with its centre of mass in the middle."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)
    row = float(digit.sum(1) @ (np.arange(height) + 0.5)) / mass
    column = float(digit.sum(0) @ (np.arange(width) + 0.5)) / mass
    top = min(max(round(side / 2 - row), 0), side - height)
    left = min(max(round(side / 2 - column), 0), side - width)
    image = np.zeros((side, side), np.float32)
    image[top : top + height, left : left + width] = digit
    return image

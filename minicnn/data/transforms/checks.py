"""What the transforms are given, checked: images and arguments. Each raises ValueError."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[Any]


def checked_images(transform: object, images: Images) -> Images:
    """The images, if they are a float array (N, C, H, W)."""
    if not isinstance(images, np.ndarray) or images.ndim != 4 or images.dtype.kind != "f":
        got = getattr(images, "shape", ""), getattr(images, "dtype", type(images).__name__)
        raise ValueError(f"{transform!r}: got {got}, expected a float array (N, C, H, W)")
    return images


def checked_size(owner: str, size: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) from H or (H, W)."""
    pair = size if isinstance(size, tuple) else (size, size)
    if len(pair) != 2 or not all(type(n) is int and n > 0 for n in pair):
        raise ValueError(f"{owner}: size {size!r}, expected H or (H, W), integers above 0")
    return pair[0], pair[1]


def checked_number(
    owner: str, value: float, least: float = -math.inf, most: float = math.inf
) -> float:
    """The value, if it is a finite number from `least` to `most`."""
    if _is_number(value) and least <= value <= most:
        return value
    limits = [f"from {least}"] * (least > -math.inf) + [f"to {most}"] * (most < math.inf)
    raise ValueError(f"{owner} {value!r}, expected {' '.join(['a finite number', *limits])}")


def checked_pair(
    owner: str, pair: tuple[float, float], least: float, most: float = math.inf
) -> tuple[float, float]:
    """The pair, if it is two finite numbers from `least` to `most`."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise ValueError(f"{owner} {pair!r}, expected two numbers, (a, b)")
    return checked_number(owner, pair[0], least, most), checked_number(owner, pair[1], least, most)


def _is_number(value: object) -> bool:
    known = isinstance(value, int | float | np.integer | np.floating)
    return known and not isinstance(value, bool) and math.isfinite(value)  # type: ignore[arg-type]

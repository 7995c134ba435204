"""What is drawn, checked: numbers, batches of images, one image, counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor

Numbers = NDArray[Any]


def check_count(op: str, name: str, value: Any, most: int | None = None) -> None:
    """Raise ValueError unless the value is an integer from 1 to most."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < 1 or (most is not None and value > most):
        upwards = "or more" if most is None else f"to {most}"
        raise ValueError(f"{op}: {name} is {value!r}, expected an integer of 1 {upwards}")


def as_numbers(op: str, name: str, value: Any) -> Numbers:
    """The value as a NumPy array. Raises ValueError unless it holds finite numbers."""
    try:
        array = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{op}: {name} is no array: {error}") from error
    if array.dtype.kind not in "fiub":
        got = f"is a {type(value).__name__}" if array.dtype == object else f"holds {array.dtype}"
        raise ValueError(f"{op}: {name} {got}, expected numbers")
    if not np.isfinite(array).all():
        wrong = int((~np.isfinite(array)).sum())
        raise ValueError(f"{op}: {wrong} of {array.size} numbers in {name} are not finite")
    return array


def as_batch(op: str, images: Any) -> Numbers:
    """Images for a model: (N, C, H, W) with N of 1 or more. Raises ValueError for others."""
    array = as_numbers(op, "images", images)
    if array.ndim != 4 or not array.size:
        raise ValueError(f"{op}: images have shape {array.shape}, expected (N, C, H, W), N > 0")
    return array


def as_image(op: str, image: Any) -> Numbers:
    """One image for a model as a batch (1, C, H, W). Raises ValueError unless it is (C, H, W)."""
    array = as_numbers(op, "image", image)
    if array.ndim != 3 or not array.size:
        raise ValueError(f"{op}: image has shape {array.shape}, expected (C, H, W)")
    return array[None]


def as_pixels(op: str, images: Any) -> list[Numbers]:
    """Images for the eye: (H, W) where there is one channel, (H, W, 3) where there are three.

    images: (N, C, H, W), (N, H, W) or a list of (C, H, W) and (H, W), which may differ in size.
    Colours that are not all in 0..1 are squeezed into it, all images alike.
    Raises ValueError for no image, another shape, or what is not finite.
    """
    if not isinstance(images, Sequence):
        images = as_numbers(op, "images", images)
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{op}: images have shape {images.shape}, expected (N, C, H, W) or (N, H, W)"
            )
    if len(images) == 0:
        raise ValueError(f"{op}: images is empty, expected one image or more")
    pixels = [_as_seen(op, as_numbers(op, "images", image)) for image in images]
    colours = [p for p in pixels if p.ndim == 3]
    low = min([0.0, *(float(p.min()) for p in colours)])
    high = max([1.0, *(float(p.max()) for p in colours)])
    return [p if p.ndim == 2 else (p - low) / (high - low) for p in pixels]


def _as_seen(op: str, image: Numbers) -> Numbers:
    if image.ndim == 2 and image.size:
        return image
    if image.ndim != 3 or len(image) not in (1, 3) or not image.size:
        raise ValueError(f"{op}: an image has shape {image.shape}, expected (1 or 3, H, W)")
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)  # (H, W) or (H, W, 3)

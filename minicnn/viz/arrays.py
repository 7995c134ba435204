"""What pictures are drawn from, as checked NumPy arrays: numbers, batches of images, one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..autograd import Tensor
from ..data.dataset import to_float32

Numbers = NDArray[Any]
TensorLike = Tensor | ArrayLike
Images = TensorLike | Sequence[TensorLike]
"""A batch of images, or a sequence of images that may differ in size."""


def as_numbers(op: str, name: str, value: Any) -> Numbers:
    """The value as a NumPy array. Raises TypeError for no numbers, ValueError for NaN, infinity."""
    try:
        array = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{op}: {name} is not an array: {error}") from error
    if array.dtype.kind not in "fiub":
        got = f"is a {type(value).__name__}" if array.dtype == object else f"holds {array.dtype}"
        raise TypeError(f"{op}: {name} {got}, expected numbers")
    if not np.isfinite(array).all():
        wrong = int((~np.isfinite(array)).sum())
        raise ValueError(f"{op}: {wrong} of {array.size} numbers in {name} are not finite")
    return array


def as_batch(op: str, images: TensorLike) -> Numbers:
    """Images for a model, (N, C, H, W) with N > 0; uint8 as x / 255, as from the data sets.

    Raises ValueError for another shape, TypeError for other integers and booleans.
    """
    array = _as_input(op, "images", images)
    if array.ndim != 4 or not array.size:
        raise ValueError(f"{op}: images have shape {array.shape}, expected (N, C, H, W), N > 0")
    return array


def as_image(op: str, image: TensorLike) -> Numbers:
    """One image (C, H, W) for a model as a batch (1, C, H, W). Otherwise as ``as_batch``."""
    array = _as_input(op, "image", image)
    if array.ndim != 3 or not array.size:
        raise ValueError(f"{op}: image has shape {array.shape}, expected (C, H, W)")
    return array[None]


def _as_input(op: str, name: str, value: Any) -> Numbers:
    array = as_numbers(op, name, value)
    if array.dtype == np.uint8:
        return to_float32(array)
    if array.dtype.kind != "f":
        raise TypeError(f"{op}: {name}: got {array.dtype}, expected uint8 (0..255) or a float type")
    return array


def as_pixels(op: str, images: Images) -> list[Numbers]:
    """Images as they are drawn: (H, W) for one channel, (H, W, 3) for three.

    images: (N, C, H, W), (N, H, W) or a sequence of (C, H, W) and (H, W), which may differ in size.
    uint8 is drawn as x / 255. If colours lie outside 0..1, all images are rescaled alike to fit.
    Raises TypeError for what does not hold numbers, ValueError for no image, another shape, NaN or
    infinity.
    """
    if not isinstance(images, Sequence):
        images = as_numbers(op, "images", images)
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{op}: images have shape {images.shape}, expected (N, C, H, W) or (N, H, W)"
            )
    if len(images) == 0:
        raise ValueError(f"{op}: images is empty, expected one image or more")
    pixels = [_as_drawn(op, as_numbers(op, "images", image)) for image in images]
    colours = [p for p in pixels if p.ndim == 3]
    low = min([0.0, *(float(p.min()) for p in colours)])
    high = max([1.0, *(float(p.max()) for p in colours)])
    return [p if p.ndim == 2 else (p - low) / (high - low) for p in pixels]


def _as_drawn(op: str, image: Numbers) -> Numbers:
    image = to_float32(image) if image.dtype == np.uint8 else image
    if image.ndim == 2 and image.size:
        return image
    if image.ndim != 3 or len(image) not in (1, 3) or not image.size:
        raise ValueError(f"{op}: an image has shape {image.shape}, expected (1 or 3, H, W)")
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)  # (H, W) or (H, W, 3)

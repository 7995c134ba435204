"""A sheet of small images with a caption under each, such as those that a network got wrong."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["sheet"]

LINE = 12  # pixels of a caption
GAP = 6
PAPER, INK = (255, 255, 255), (40, 40, 40)


def sheet(images: NDArray[Any], captions: Sequence[str], columns: int | None = None) -> Any:
    """All images on one picture, a ``PIL.Image`` with ``save(path)``.

    images (N, C, H, W) or (N, H, W), numbers from 0 (black) to 1; C is 1 or 3. Small images are
    enlarged to about 56 pixels, each of their pixels a square.
    Raises ImportError without Pillow, ValueError for shapes or lengths that do not fit.
    """
    try:
        pillow, drawing = (importlib.import_module(f"PIL.{n}") for n in ("Image", "ImageDraw"))
    except ImportError as error:
        raise ImportError("sheet: needs Pillow, pip install 'minicnn[images]'") from error
    pixels = _as_bytes(images)  # (N, H, W, 3)
    if len(captions) != len(pixels) or not len(pixels):
        raise ValueError(f"sheet: {len(pixels)} images and {len(captions)} captions")
    scale = max(1, round(56 / max(pixels.shape[1:3])))
    pixels = pixels.repeat(scale, 1).repeat(scale, 2)
    count, height, width, _ = pixels.shape
    wide, high = width + GAP, height + LINE + GAP
    columns = columns or min(count, math.ceil(math.sqrt(count * high / wide * 1.4)))
    rows = -(-count // columns)
    picture = pillow.new("RGB", (columns * wide + GAP, rows * high + GAP), PAPER)
    draw = drawing.Draw(picture)
    for i, caption in enumerate(captions):
        left, top = GAP + i % columns * wide, GAP + i // columns * high
        picture.paste(pillow.fromarray(pixels[i]), (left, top))
        draw.text((left, top + height), caption, fill=INK)
    return picture


def _as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    array = np.asarray(images)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1] not in (1, 3):
        raise ValueError(f"sheet: images have shape {array.shape}, expected (N, 1 or 3, H, W)")
    grey = np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(np.broadcast_to(grey, (*grey.shape[:3], 3)))

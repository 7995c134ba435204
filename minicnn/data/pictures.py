"""Reading one picture from a file with Pillow, an extra: to its bytes, at one size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def need_pillow() -> None:
    """Raises DataError, naming the extra, where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DataError("reading pictures needs Pillow: pip install Pillow") from error


def read_picture(path: Path, size: tuple[int, int] | None, channels: int) -> NDArray[np.uint8]:
    """The picture as (C, H, W) bytes: 3 channels are red, green, blue; 1 is grey.

    With a size (H, W) the picture is cut around the centre to these proportions and scaled to the
    size, bilinearly and smoothed where it shrinks. It is turned as its EXIF data say; what is
    transparent shows white paper; of an animation the first picture is taken.

    Raises DataError, naming the path, for a file that cannot be read or decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=FORMATS) as file:
            picture = _flat(ImageOps.exif_transpose(file), "RGB" if channels == 3 else "L")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # on damaged files Pillow raises nearly everything
        raise DataError(f"{path}: cannot be read ({error})") from error
    if size is not None:
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)  # (H, W, C)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))  # (C, H, W)


def _flat(picture: Image, mode: str) -> Image:
    """The picture in the mode RGB or L, without transparency."""
    from PIL import Image

    if picture.mode.startswith("I"):
        # 16 bits of grey: Pillow's own conversion cuts off everything above 255.
        levels = np.asarray(picture).astype(np.int64) // 257
        picture = Image.fromarray(levels.astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)

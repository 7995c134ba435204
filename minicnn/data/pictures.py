"""Image files through Pillow, an optional dependency that no other module of minicnn imports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..checks import Pair
from .errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")  # of the files in an ImageFolder


def check_pillow() -> None:
    """Raises DataError, naming the package to install, if Pillow is missing."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DataError("reading pictures needs Pillow: pip install Pillow") from error


def read_picture(
    path: str | os.PathLike[str], size: Pair | None = None, channels: int = 3
) -> NDArray[np.uint8]:
    """The picture in a file as (C, H, W) bytes: red, green, blue, or grey if channels is 1.

    With a size (H, W) the picture is cropped around its centre to that aspect ratio and scaled,
    bilinearly and with smoothing where it shrinks. It is rotated as its EXIF data say, transparent
    parts become white, and of an animation the first frame is read.

    Raises DataError, naming the path, for a file that cannot be read or decoded, or without Pillow.
    """
    check_pillow()
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=FORMATS) as file:
            picture = _flatten(ImageOps.exif_transpose(file), "RGB" if channels == 3 else "L")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise DataError(f"{path}: cannot be read ({error})") from error
    if size is not None:
        picture = ImageOps.fit(picture, size[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)  # (H, W, C)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))  # (C, H, W)


def resize_grey(pixels: NDArray[np.uint8], size: Pair) -> NDArray[np.uint8]:
    """Grey bytes (H, W) scaled to another size (H', W') with Lanczos' filter."""
    check_pillow()
    from PIL import Image

    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize(size[::-1], Image.Resampling.LANCZOS))


def dilate_grey(pixels: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Grey bytes (H, W), each the lightest in the square of 2·radius + 1 pixels around it."""
    from PIL import Image, ImageFilter

    picture = Image.fromarray(pixels)
    return np.asarray(picture.filter(ImageFilter.MaxFilter(2 * radius + 1)))


def _flatten(picture: Image, mode: str) -> Image:
    """The picture in the mode RGB or L, on white where it is transparent."""
    from PIL import Image

    if picture.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion clips everything above 255.
        levels = np.asarray(picture).astype(np.int64) // 257
        picture = Image.fromarray(levels.astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)

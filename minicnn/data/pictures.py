"""Image files through Pillow, an optional dependency that no other module of minicnn imports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checks import IntOrPair, Pair, check_integer, check_pair
from ..places import check_has_end
from .dataset import to_float32
from .errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
"""Of the files in an ImageFolder."""
MOST_PIXELS = 90_000_000  # decoded: a larger picture is refused


def check_pillow() -> None:
    """Raises DataError, naming the package to install, if Pillow is missing."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DataError("reading pictures needs Pillow: pip install Pillow") from error


def read_image(
    path: str | os.PathLike[str], size: IntOrPair | None = None, channels: int | None = None
) -> NDArray[np.float32]:
    """The picture in a file: (C, H, W) float32 from 0 to 1.

    size      H or (H, W): it is cropped around the centre to this aspect ratio, then scaled; by
              default it keeps its size
    channels  3 for red, green, blue; 1 for grey; None takes what the file has

    PNG, JPEG, BMP, GIF, TIFF, WebP or PPM. It is turned as its EXIF data say, transparent parts
    become white, 16-bit levels are divided by 65535, and of an animation the first frame is read.

    Raises DataError, naming the path, for a file that cannot be read or decoded or that has more
    than 90 million pixels, and without Pillow; TypeError or ValueError for other arguments.

    >>> from PIL import Image
    >>> Image.new("RGB", (40, 30), "white").save("photo.png")
    >>> mc.data.read_image("photo.png").shape
    (3, 30, 40)
    >>> mc.data.read_image("photo.png", size=28, channels=1).shape
    (1, 28, 28)
    """
    size = None if size is None else check_pair("read_image: size", size)
    if channels is not None:
        channels = check_channels("read_image: channels", channels)
    return to_float32(read_picture(path, size, channels))


def check_channels(name: str, channels: Any) -> int:
    """The number of channels, 1 or 3. Raises TypeError or ValueError."""
    number = check_integer(name, channels)
    if number not in (1, 3):
        raise ValueError(f"{name}: got {channels!r}, expected 1 or 3")
    return number


def read_picture(
    path: str | os.PathLike[str], size: Pair | None = None, channels: int | None = 3
) -> NDArray[np.uint8]:
    """``read_image`` in bytes, (C, H, W) from 0 to 255, with arguments that are checked."""
    check_pillow()
    from PIL import Image, ImageOps

    try:
        check_has_end(Path(path))
        with Image.open(path, formats=FORMATS) as file:
            if size is not None:  # JPEG can be decoded in a half, quarter or eighth of its size
                file.draft(None, (2 * max(size), 2 * max(size)))
            if file.width * file.height > MOST_PIXELS:
                raise DataError(
                    f"{path}: has {file.width} x {file.height} pixels, expected at most "
                    f"{MOST_PIXELS:,} in all"
                )
            channels = channels or (1 if is_grey(file) else 3)
            picture = _flatten(ImageOps.exif_transpose(file), "RGB" if channels == 3 else "L")
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: is too large ({str(error).split(', could')[0]})") from error
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise DataError(f"{path}: cannot be read ({error})") from error
    if size is not None:
        picture = ImageOps.fit(picture, size[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)  # (H, W, C)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))  # (C, H, W)


def look_at(path: str | os.PathLike[str]) -> tuple[Pair, bool]:
    """The size (H, W) of the picture in a file, and whether it is grey, without decoding it.

    Raises DataError as ``read_image`` does.
    """
    check_pillow()
    from PIL import Image

    try:
        check_has_end(Path(path))
        with Image.open(path, formats=FORMATS) as file:
            return (file.height, file.width), is_grey(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def is_grey(picture: Image) -> bool:
    """Whether a picture has no colours: 1 bit, 8 bits, 16 bits or float, with or without alpha."""
    return picture.mode in ("1", "L", "LA", "La", "F") or picture.mode.startswith("I")


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

    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray(_as_bytes(np.asarray(picture)))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def _as_bytes(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """16-bit or float grey levels in 8 bits; Pillow's own conversion clips all above 255.

    Floats are taken to be in 0..1, 0..255 or 0..65535, whichever they fit in.
    """
    if levels.dtype.kind != "f":
        return np.clip(levels.astype(np.int64) // 257, 0, 255).astype(np.uint8)
    levels = np.nan_to_num(levels.astype(np.float64), posinf=0.0, neginf=0.0)
    most = levels.max(initial=0.0)
    white = 1 if most <= 1 else 255 if most <= 255 else 65535
    return np.rint(np.clip(levels / white, 0, 1) * 255).astype(np.uint8)

"""Image files through Pillow, an optional dependency."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backend.malloc import release_freed_memory
from ..checks import IntOrPair, Pair, check_integer, check_pair
from .dataset import to_float32
from .picture_file import MOST_PIXELS, check_pillow, check_pixels, opened

if TYPE_CHECKING:
    from PIL.Image import Image


SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
"""Of the files in an ImageFolder."""
LARGE = 4_000_000  # pixels: a picture of more is averaged to about so many before it is scaled
TILE = 256  # pixels of a side: about its square is converted at a time
ORIENTATION = 0x0112  # the tag in EXIF data: how the camera was held, from 1 to 8
SIDEWAYS = (5, 6, 7, 8)


def read_image(
    path: str | os.PathLike[str], size: IntOrPair | None = None, channels: int | None = None
) -> NDArray[np.float32]:
    """The picture in a file: (C, H, W) float32 from 0 to 1.

    size      H or (H, W): it is cropped around the centre to this aspect ratio, then scaled; by
              default it keeps its size
    channels  3 for red, green, blue; 1 for grey; None takes what the file has

    PNG, JPEG, BMP, GIF, TIFF, WebP or PPM. It is turned as its EXIF data say, transparent parts
    become white, 16-bit levels are divided by 65535, and of an animation the first frame is read.

    Raises DataError, naming the path, for a file that cannot be read or decoded, has more than 90
    million pixels (WebP: 60), 400 MB, 16 MiB before its pixels, or as a JPEG more than 64 scans or
    1800 million pixels in all of them together, and without Pillow; MemoryError, naming it too, if
    the memory is not enough; TypeError or ValueError for other arguments.

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
    with ExitStack() as until_freed:
        pixels = _read(path, size, channels, until_freed)
    return pixels if size is None else _fit(pixels, size)


def _read(
    path: str | os.PathLike[str], size: Pair | None, channels: int | None, until_freed: ExitStack
) -> NDArray[np.uint8]:
    """The pixels (C, H, W), not yet of that size; until_freed: takes the work from the budget."""
    with opened(path) as file:
        pixels = file.width * file.height
        if size is not None:  # JPEG can be decoded in a half, quarter or eighth of its size
            file.draft(None, (2 * max(size), 2 * max(size)))
        check_pixels(path, file.width, file.height, MOST_PIXELS)
        until_freed.enter_context(_in_work.taking(min(pixels, MOST_PIXELS)))
        return _decode(file, channels or (1 if is_grey(file) else 3), _factor(file, size))


def look_at(path: str | os.PathLike[str]) -> tuple[Pair, bool]:
    """The size (H, W) of the picture in a file, and whether it is grey, without decoding it.

    Raises DataError as ``read_image`` does.
    """
    with opened(path) as file:
        return (file.height, file.width), is_grey(file)


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


class _Budget:
    """Pixels that all threads together may be decoding: a thread waits until its share is free."""

    def __init__(self, pixels: int) -> None:
        self._free, self._changed = pixels, threading.Condition()

    @contextmanager
    def taking(self, pixels: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: pixels <= self._free)
            self._free -= pixels
        try:
            yield
        finally:
            if pixels > LARGE:
                release_freed_memory()
            with self._changed:
                self._free += pixels
                self._changed.notify_all()


_in_work = _Budget(MOST_PIXELS)


def _factor(picture: Image, size: Pair | None) -> int:
    """By what a large picture is made smaller before it is scaled: most of its pixels are left."""
    if size is None:
        return 1
    wanted = math.isqrt(picture.width * picture.height // LARGE)
    return max(1, min(wanted, min(picture.size) // (2 * max(size))))


def _decode(picture: Image, channels: int, factor: int) -> NDArray[np.uint8]:
    """The pixels (C, H, W) of a picture, turned, each the mean of factor x factor of the file's.

    Only the file's own pixels are in memory as a whole; the conversions work on tiles.
    """
    picture.load()
    width, height = picture.size
    wide, high = _tile(width, height, factor)
    boxes = [
        (left, top, min(left + wide, width), min(top + high, height))
        for top in range(0, height, high) for left in range(0, width, wide)
    ]  # fmt: skip
    white = _white(picture.crop(box) for box in boxes) if picture.mode == "F" else 0
    orientation = picture.getexif().get(ORIENTATION, 1)
    shape = -(-height // factor), -(-width // factor)
    pixels = np.empty((channels, *(shape[::-1] if orientation in SIDEWAYS else shape)), np.uint8)
    in_file = _unturned(pixels, orientation)  # (C, H', W')
    for box in boxes:
        tile = _flatten(picture.crop(box), "RGB" if channels == 3 else "L", white)
        tile = tile.reduce(factor) if factor > 1 else tile
        left, top = box[0] // factor, box[1] // factor
        levels = np.asarray(tile).reshape(tile.height, tile.width, channels).transpose(2, 0, 1)
        in_file[:, top : top + tile.height, left : left + tile.width] = levels
    return pixels


def _tile(width: int, height: int, factor: int) -> tuple[int, int]:
    """Width and height of the tiles of a picture, multiples of the factor.

    They have about TILE x TILE pixels each, also of a picture that is a few pixels wide or high.
    """
    wide = TILE * TILE // min(height, TILE)
    high = TILE * TILE // min(width, TILE)
    return max(wide // factor, 1) * factor, max(high // factor, 1) * factor


def _unturned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The same pixels (C, H, W) as they are in a file with this orientation in its EXIF data."""
    if orientation in (3, 4, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, :, ::-1]
    return pixels.swapaxes(1, 2) if orientation in SIDEWAYS else pixels


def _fit(pixels: NDArray[np.uint8], size: Pair) -> NDArray[np.uint8]:
    """The pixels (C, H, W) cropped around the centre and scaled to a size."""
    from PIL import Image, ImageOps

    fitted = [
        np.asarray(ImageOps.fit(Image.fromarray(plane), size[::-1], Image.Resampling.BILINEAR))
        for plane in pixels
    ]
    return np.stack(fitted)  # (C, H', W')


def _flatten(picture: Image, mode: str, white: float) -> Image:
    """The picture in the mode RGB or L, on white where it is transparent."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray(_as_bytes(np.asarray(picture), white))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def _white(tiles: Iterable[Image]) -> float:
    """The level that is white among floats: 1, 255 or 65535, the first that none is above."""
    most = max(_finite(np.asarray(tile)).max(initial=0.0) for tile in tiles)
    return 1.0 if most <= 1 else 255.0 if most <= 255 else 65535.0


def _as_bytes(levels: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """16-bit or float grey levels in 8 bits; Pillow's own conversion clips all above 255."""
    if levels.dtype.kind != "f":
        return np.clip(levels.astype(np.int64) // 257, 0, 255).astype(np.uint8)
    return np.rint(np.clip(_finite(levels) / white, 0, 1) * 255).astype(np.uint8)


def _finite(levels: NDArray[Any]) -> NDArray[np.float64]:
    return np.nan_to_num(levels.astype(np.float64), posinf=0.0, neginf=0.0)

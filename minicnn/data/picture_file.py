"""Opens a picture that may be damaged, made to do harm, or no picture at all."""

from __future__ import annotations

import ctypes
import io
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

from ..reading import check_readable
from .errors import DataError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
MOST_PIXELS = 90_000_000
"""Decoded: a larger picture is refused, and all threads together decode no more at a time."""
MOST_WEBP_PIXELS = 60_000_000  # libwebp holds two pictures at a time, besides Pillow's
MOST_SCANS = 64  # of a JPEG, each a pass over all pixels; programs write about ten
MOST_SCANNED = 20 * MOST_PIXELS  # in all of its scans
MOST_BYTES = 400_000_000  # of a file: 4 for each pixel, and some more
MOST_HEADER = 1 << 24  # bytes before the pixels
MOST_READS = 1_000_000  # by Pillow, from one file
START_OF_SCAN = b"\xff\xda"  # in JPEG; among its pixels 0 follows each 255


def check_pillow() -> None:
    """Raises DataError, naming the package to install, if Pillow is missing."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DataError("reading pictures needs Pillow: pip install Pillow") from error


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[ImageFile]:
    """The picture in a file; what is raised inside becomes a DataError that names the file."""
    check_pillow()
    from PIL import Image, UnidentifiedImageError

    decoding = "decoding the picture"
    try:
        size = check_readable(path, MOST_BYTES)
        with _Stream(path, size) as stream:
            if size == 0:
                raise OSError("it is empty")
            if stream.is_webp:  # Pillow makes room for the pixels at once
                check_pixels(path, *_webp_size(stream.peek(30)), MOST_WEBP_PIXELS)
            with closing(Image.open(stream, formats=FORMATS)) as file:
                stream.end_of_header(file)
                if file.format == "TIFF":
                    _silence_libtiff()
                decoding = f"decoding {file.width} x {file.height} pixels"
                yield file  # whose pixels are freed when it is closed
    except DataError:
        raise
    except MemoryError as error:
        raise MemoryError(f"{path}: {str(error) or decoding}") from error
    except UnidentifiedImageError as error:
        expected = f"cannot identify it, expected {', '.join(FORMATS)}"
        raise DataError(f"{path}: cannot be read ({expected})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: is too large ({str(error).split(', could')[0]})") from error
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise DataError(f"{path}: cannot be read ({error})") from error


@cache
def _silence_libtiff() -> None:
    """Let libtiff write no lines to the standard error: what it says there, Pillow raises."""
    from PIL import _imaging

    with suppress(OSError, AttributeError):  # where it is no library of its own
        set_handler = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
        set_handler(None)


def check_pixels(path: str | os.PathLike[str], width: int, height: int, most: int) -> None:
    """Raise DataError for more pixels than are decoded."""
    if width * height > most:
        raise DataError(f"{path}: has {width} x {height} pixels, expected at most {most:,} in all")


class _Stream(io.BufferedReader):
    """What Pillow reads, with an end to it.

    A small file can have millions of comments, each of which Pillow looks at, point from all of its
    tags to the same bytes, or go over the pixels hundreds of times. Of WebP Pillow reads the whole
    file before it looks at anything.
    """

    def __init__(self, path: str | os.PathLike[str], size: int) -> None:
        super().__init__(io.FileIO(path))
        self.is_webp = self.peek(12)[8:12] == b"WEBP"
        self._left = MOST_BYTES if self.is_webp else MOST_HEADER
        self._size, self._reads = size, 0
        self._first_scan: int | None = None  # of a JPEG, where it begins
        self._scans, self._most_scans, self._last = 1, 0, b""

    def end_of_header(self, file: ImageFile) -> None:
        """From here on pixels are read."""
        self._left = MOST_BYTES
        if file.format in ("JPEG", "MPO"):  # an MPO is several of them, of which the first is read
            self._first_scan = self.tell()
            self._most_scans = min(MOST_SCANS, MOST_SCANNED // (file.width * file.height))

    def read(self, size: int | None = -1, /) -> bytes:
        allowed = min(self._left, self._size) + 1  # Python makes room for what it is asked for
        start = self.tell()
        content = super().read(allowed if size is None or size < 0 else min(size, allowed))
        self._left -= len(content)
        self._reads += 1
        if self._left < 0 or self._reads > MOST_READS:
            raise ValueError("its header is too long, or in too many parts")
        if self._first_scan is not None:
            pixels = self._last + content[max(self._first_scan - start, 0) :]
            self._scans, self._last = self._scans + pixels.count(START_OF_SCAN), pixels[-1:]
            if self._scans > self._most_scans:
                raise ValueError(f"it has more than {self._most_scans} scans")
        return content


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height of a WebP picture; (0, 0) if it is none.

    https://developers.google.com/speed/webp/docs/riff_container
    """
    numbers = int.from_bytes(head[20:30], "little")
    match head[12:16]:
        case b"VP8X":
            return (numbers >> 32 & 0xFFFFFF) + 1, (numbers >> 56 & 0xFFFFFF) + 1
        case b"VP8L":
            return (numbers >> 8 & 0x3FFF) + 1, (numbers >> 22 & 0x3FFF) + 1
        case b"VP8 ":
            return numbers >> 48 & 0x3FFF, numbers >> 64 & 0x3FFF
    return 0, 0

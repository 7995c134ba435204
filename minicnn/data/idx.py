"""Reads IDX, the file format of MNIST, without trusting what a file says about its size."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from .content import GZIP_MAGIC, describe_start
from .errors import DataError

_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MOST_BYTES = 1 << 30  # of data: 1.3 million images of 28x28 pixels
_MAX_INFLATION = 1032  # deflate codes at most 258 bytes in 2 bits
_MAX_NDIM = 32  # the most axes that every supported NumPy allows
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> NDArray[Any]:
    """The array in an IDX file, plain or gzip-compressed, in the machine's byte order.

    The format, all numbers big-endian:

        0x00 0x00 | type code, 1 byte | number of axes, 1 byte | length of each axis, 4 bytes | data

    Type codes: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64. A file without
    items is refused, and one with more than 1 GiB of data. Memory use is bounded by the actual
    length of the file, whatever its header claims. If `sha256` is given, the uncompressed content
    must have that SHA-256.

    Raises DataError, naming the path, for anything else: a file that is missing, a directory,
    unreadable, empty, truncated, an HTML page, damaged gzip, with trailing bytes or a wrong sum;
    MemoryError, naming it too, if the memory is not enough.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

    >>> from pathlib import Path
    >>> header = bytes([0, 0, 0x08, 2]) + bytes([0, 0, 0, 1, 0, 0, 0, 3])  # uint8 of shape (1, 3)
    >>> _ = Path("row.idx").write_bytes(header + bytes([7, 8, 9]))
    >>> mc.data.read_idx("row.idx")
    array([[7, 8, 9]], dtype=uint8)
    """
    try:
        return _decode_file(Path(path), sha256)
    except DataError as error:
        advice = "Replace it with the original file, or delete it and get the data set again"
        raise DataError(f"{path}: {error}. {advice}") from error
    except MemoryError as error:
        raise MemoryError(f"{path}: reading its data. {error}".rstrip(". ")) from error


def _decode_file(path: Path, sha256: str | None) -> NDArray[Any]:
    """Like `read_idx`, but the error only says what is wrong with the content."""
    try:
        if not path.is_file():
            found = "a directory" if path.is_dir() else "no file"
            raise DataError(f"found {found}, expected an IDX file")
        if path.stat().st_size == 0:  # also of /proc/kmsg, which would keep a reader waiting
            raise DataError(describe_start(b""))
        with path.open("rb") as file:
            return _decode(file, sha256)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"found a damaged gzip stream ({error}), expected a whole one") from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error


def _decode(file: BinaryIO, sha256: str | None) -> NDArray[Any]:
    zipped = file.read(2) == GZIP_MAGIC
    file.seek(0)
    longest = os.fstat(file.fileno()).st_size * (_MAX_INFLATION if zipped else 1)
    stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if zipped else file
    header, dtype, shape = _read_header(stream)
    body = _read_body(stream, dtype, shape, longest)
    if sha256 is not None:
        _check_sha256(header, body, sha256)
    array = np.frombuffer(body, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: BinaryIO) -> tuple[bytes, np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(describe_start(magic))
    code, ndim = magic[2], magic[3]
    if code not in _TYPES:
        known = " ".join(f"{known:02X}" for known in _TYPES)
        raise DataError(
            f"found the type code {code:02X} in the IDX header, expected one of {known}"
        )
    if not 1 <= ndim <= _MAX_NDIM:
        raise DataError(f"found {ndim} axes in the IDX header, expected 1 to {_MAX_NDIM}")
    sizes = stream.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise DataError(
            f"found {4 + len(sizes)} bytes, expected an IDX header of 4 + 4*{ndim} = {4 + 4 * ndim}"
        )
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * ndim, 4))
    if 0 in shape:
        raise DataError(
            f"found the shape {_shape_text(shape)} in the IDX header, expected no axis of 0"
        )
    return magic + sizes, _TYPES[code], shape


def _read_body(
    stream: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...], longest: int
) -> bytearray:
    """The data, read in pieces, so that memory grows with what is there, not what is claimed."""
    expected = math.prod(shape) * dtype.itemsize  # Python integers: no overflow
    promise = f"expected {_shape_text(shape)} items of {dtype.itemsize} bytes = {expected}"
    if expected > longest:
        raise DataError(f"found at most {longest} bytes of data, {promise}: the file is truncated")
    if expected > MOST_BYTES:
        raise DataError(
            f"found the length {expected} in the IDX header, expected at most {MOST_BYTES}"
        )
    body = bytearray()
    # Asking for one byte more than expected reveals trailing bytes, and makes gzip check its sum.
    while piece := stream.read(min(_CHUNK, expected + 1 - len(body))):
        body += piece
    if len(body) < expected:
        raise DataError(f"found {len(body)} bytes of data, {promise}: the file is truncated")
    if len(body) > expected:
        raise DataError(f"found bytes after the data, {promise} and then the end of the file")
    return body


def _check_sha256(header: bytes, body: bytearray, sha256: str) -> None:
    digest = hashlib.sha256(header)
    digest.update(body)
    if digest.hexdigest() != sha256:
        raise DataError(
            f"found the SHA-256 {digest.hexdigest()} of the uncompressed content, expected {sha256}"
        )


def _shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)

"""Compares a file with what is known of it, piece by piece, as it is received or read."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..reading import check_readable
from .errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
PIECE = 1 << 16
_WITH_GZIP_HEADER = 31  # zlib's window of 15 bits, and 16 for gzip


@dataclass(frozen=True)
class KnownFile:
    """SHA-256 and size of a file's content, and the size of the file that mirrors send."""

    sha256: str
    size: int
    download: int


class ContentCheck:
    """A file that is its content.

    Call feed(piece) for each piece, then finish(). Both raise DataError, which says what is wrong
    with the content, and feed does so as soon as there is too much of it.

    limit: how many bytes the file may have.
    """

    def __init__(self, known: KnownFile) -> None:
        self.known = known
        self.limit = known.download
        self._content = hashlib.sha256()
        self._size = 0

    def feed(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self.known.size:
            raise DataError(f"found more than the {self.known.size:,} bytes of the content")
        self._content.update(piece)

    def finish(self) -> None:
        if self._size < self.known.size:
            raise DataError(f"found {self._size:,} bytes, expected {self.known.size:,}")
        if self._content.hexdigest() != self.known.sha256:
            found = self._content.hexdigest()
            raise DataError(f"found the SHA-256 {found}, expected {self.known.sha256}")


class IdxContentCheck(ContentCheck):
    """An IDX file, whose content may be compressed by gzip; it is never held as a whole."""

    def __init__(self, known: KnownFile) -> None:
        super().__init__(known)
        # A mirror may have unpacked the file, or compressed it less well.
        self.limit = max(known.size, 2 * known.download)
        self._start: bytes | None = b""  # None once it is clear whether the file is compressed
        self._member: zlib._Decompress | None = None  # a gzip file consists of one or more

    def feed(self, piece: bytes) -> None:
        if self._start is not None:
            self._start += piece
            if len(self._start) < 4:
                return
            piece = self._decide(self._start)
        if self._member is None:
            super().feed(piece)
        else:
            self._unpack(piece)

    def finish(self) -> None:
        if self._start is not None:
            raise DataError(describe_start(self._start))
        if self._member is not None and not self._member.eof:
            raise DataError("found a damaged gzip stream (it is cut off), expected a whole one")
        super().finish()

    def _decide(self, start: bytes) -> bytes:
        self._start = None
        if start[:2] == GZIP_MAGIC:
            self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
        elif start[:2] != b"\0\0":
            raise DataError(describe_start(start[:4]))
        return start

    def _unpack(self, piece: bytes) -> None:
        assert self._member is not None
        while piece:
            if self._member.eof:
                piece = piece.lstrip(b"\0")  # padding
                if not piece:
                    return
                self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
            try:
                content = self._member.decompress(piece, PIECE)
            except zlib.error as error:
                raise DataError(
                    f"found a damaged gzip stream ({error}), expected a whole one"
                ) from error
            super().feed(content)
            # Where the output filled its piece, the last bytes may still be inside.
            piece = self._member.unconsumed_tail or self._member.unused_data


def check_file(path: Path, check: ContentCheck) -> None:
    """Raises DataError, without the path, if the file cannot be read or is not the known one."""
    try:
        left = check_readable(path)
        with path.open("rb") as file:
            while piece := file.read(min(PIECE, left)):
                check.feed(piece)
                left -= len(piece)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})") from error
    check.finish()


def describe_start(start: bytes) -> str:
    """What is wrong with a file that begins like this, and not like an IDX file."""
    expected = "expected an IDX header (two zero bytes, type code, number of axes)"
    if not start:
        return f"found an empty file, {expected}"
    hint = ", which looks like an HTML page" if start.lstrip().startswith(b"<") else ""
    return f"found {start!r} at the start{hint}, {expected}"

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from data.conftest import encode_idx, know
from hypothesis import given
from hypothesis import strategies as st

from minicnn.data import DataError, idx_files
from minicnn.data.content import ContentCheck, IdxContentCheck, KnownFile, check_file
from minicnn.data.known import CATALOG

CONTENT = encode_idx(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
PACKED = gzip.compress(CONTENT, mtime=0)
KNOWN = know(CONTENT, len(PACKED))


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[i : i + size] for i in range(0, len(content), size))


def feed_all(check: ContentCheck, content: Iterable[bytes]) -> None:
    for piece in content:
        check.feed(piece)
    check.finish()


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion-mnist"])
def test_sizes_are_those_of_the_headers(name: str) -> None:
    for file, known in CATALOG[name].files.items():
        c, h, w = CATALOG[name].image_shape
        items = c * h * w if "images" in file else 1
        header = 16 if "images" in file else 8
        assert (known.size - header) % items == 0
        assert (known.size - header) // items in (60_000, 10_000, 1442, 355)


def test_the_bundled_files_are_the_known_ones() -> None:
    for file, known in CATALOG["digits"].files.items():
        path = idx_files.find_file(CATALOG["digits"].installed, file)
        assert path.stat().st_size == known.download
        check_file(path, idx_files.new_check(known))


@pytest.mark.parametrize("content", [CONTENT, PACKED, PACKED + bytes(9)])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size(content: bytes, size: int) -> None:
    feed_all(IdxContentCheck(KNOWN), pieces(content, size))


def test_a_file_that_is_its_content() -> None:
    known = know(PACKED, len(PACKED))
    feed_all(ContentCheck(known), pieces(PACKED, 5))
    with pytest.raises(DataError, match=f"found {len(PACKED) - 1} bytes, expected {len(PACKED)}"):
        feed_all(ContentCheck(known), [PACKED[:-1]])
    with pytest.raises(DataError, match=f"found more than the {len(PACKED)} bytes"):
        feed_all(ContentCheck(known), [PACKED, b"x"])
    with pytest.raises(DataError, match=f"found the SHA-256 .* expected {known.sha256}"):
        feed_all(ContentCheck(known), [PACKED[:-1], b"x"])


@given(place=st.integers(0, len(PACKED)), cut=st.integers(0, 4), put=st.binary(max_size=4))
def test_only_the_known_content_is_accepted(place: int, cut: int, put: bytes) -> None:
    altered = PACKED[:place] + put + PACKED[place + cut :]
    try:
        feed_all(IdxContentCheck(KNOWN), pieces(altered, 11))
    except DataError:
        return
    assert gzip.decompress(altered) == CONTENT


def test_a_bomb_is_stopped_at_the_known_size() -> None:
    """Neither unpacked nor read to its end."""
    bomb = zlib.compressobj(1, wbits=31)
    packed = bomb.compress(CONTENT[:4]) + b"".join(bomb.compress(bytes(1 << 20)) for _ in range(10))
    check = IdxContentCheck(KnownFile(KNOWN.sha256, 1_000_000, 9000))
    source = io.BytesIO(packed)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="found more than the 1,000,000 bytes of the content"):
            feed_all(check, iter(lambda: source.read(1024), b""))
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()
    assert source.tell() < 10_000


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^cannot be read \(Is a directory\)$"):
        check_file(tmp_path, IdxContentCheck(KNOWN))

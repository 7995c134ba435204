from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn.data import DataError, read_idx

Encode = Callable[[np.ndarray], bytes]
DTYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "file"


def small_arrays() -> st.SearchStrategy[np.ndarray]:
    shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)
    return st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@given(array=small_arrays())
def test_reads_back_every_type_and_shape(
    pack: Callable[[bytes], bytes], array: np.ndarray, encode: Encode, scratch: Path
) -> None:
    scratch.write_bytes(pack(encode(array)))
    result = read_idx(scratch)
    np.testing.assert_array_equal(result, array)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    assert result.flags.writeable


@given(content=st.binary(max_size=64))
def test_random_bytes_are_an_error_or_the_array_they_encode(
    content: bytes, encode: Encode, scratch: Path
) -> None:
    for start in (b"", b"\0\0\x08\x01", b"\0\0\x08\x02\0\0\0\x02\0\0\0", b"\x1f\x8b\x08"):
        scratch.write_bytes(start + content)
        try:
            result = read_idx(scratch)
        except DataError:
            continue
        assert encode(result) == start + content


@given(array=small_arrays(), zipped=st.booleans(), data=st.data())
def test_altered_files_are_an_error_or_the_array_they_encode(
    array: np.ndarray, zipped: bool, data: st.DataObject, encode: Encode, scratch: Path
) -> None:
    content = bytearray(gzip.compress(encode(array)) if zipped else encode(array))
    place = data.draw(st.integers(0, len(content)))
    cut = data.draw(st.integers(0, 3))
    content[place : place + cut] = data.draw(st.binary(max_size=4))
    scratch.write_bytes(content)
    try:
        result = read_idx(scratch)
    except DataError:
        return
    # What could be read is what an independent reader unpacks.
    raw = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else bytes(content)
    assert encode(result) == raw


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # the same in every process, as it is a test's parameter


HEADER = b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file, expected an IDX header"),
        (b"\0\0", r"found b'\\x00\\x00' at the start, expected an IDX header"),
        (b"PK\3\4 something", "found b'PK.*' at the start, expected an IDX header"),
        (b"<!DOCTYPE html><html>", "looks like an HTML page, expected an IDX header"),
        (b"\n\n<html>", "looks like an HTML page"),
        (packed(b"<html></html>"), "looks like an HTML page"),
        (b"\0\0\x0a\x01", "type code 0A in the IDX header, expected one of 08 09 0B 0C 0D 0E"),
        (b"\0\0\x08\x00\x07", "found 0 axes in the IDX header, expected 1 to 32"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\7", "found 255 axes"),
        (HEADER[:-1], r"found 11 bytes, expected an IDX header of 4 \+ 4\*2 = 12"),
        (b"\0\0\x08\x02\0\0\0\0\0\0\0\x03", "found the shape 0x3 in the IDX header"),
        (HEADER, "found 0 bytes of data, expected 2x3 items of 1 bytes = 6: the file is truncated"),
        (HEADER + b"12345", "found 5 bytes of data, expected 2x3 items .* truncated"),
        (
            packed(HEADER + b"12345"),
            "found 5 bytes of data, expected 2x3 items .* truncated",
        ),
        (HEADER + b"1234567", "found bytes after the data, expected 2x3 items of 1 bytes = 6"),
        (packed(HEADER + b"1234567"), "found bytes after the data"),
        (packed(HEADER + b"123456")[:-9], "found a damaged gzip stream .*expected a whole"),
        (packed(HEADER + b"123456")[:-8] + b"12345678", "damaged gzip stream .CRC"),
        (packed(HEADER + b"123456") + b"more", "damaged gzip stream"),
        (b"\x1f\x8b\x08" + b"\0" * 7 + b"\xff\xff\xff", "damaged gzip stream"),
        (b"\0\0\x08\x03" + b"\xff" * 12, r"at most 16 bytes of data, .* = 7922816245\d+: the file"),
    ],
)
def test_says_what_is_wrong(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("delete it and get the data set again")


def test_says_what_is_wrong_with_a_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found a directory, expected an IDX file"):
        read_idx(tmp_path)
    with pytest.raises(DataError, match="absent: found no file, expected an IDX file"):
        read_idx(tmp_path / "absent")


def test_says_that_a_file_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked"
    path.write_bytes(HEADER)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"locked: cannot be read \(Permission denied\)"):
        read_idx(path)


def test_compares_the_sum_of_the_uncompressed_content(tmp_path: Path) -> None:
    content = HEADER + b"123456"
    good = hashlib.sha256(content).hexdigest()
    for pack in (bytes, gzip.compress):
        path = tmp_path / "file"
        path.write_bytes(pack(content))
        assert read_idx(path, sha256=good).shape == (2, 3)
        path.write_bytes(pack(HEADER + b"123457"))
        got = hashlib.sha256(HEADER + b"123457").hexdigest()
        with pytest.raises(DataError, match=f"found the SHA-256 {got} .* expected {good}"):
            read_idx(path, sha256=good)


def peak_memory_of_refusal(path: Path) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_claims_a_terabyte_allocates_nothing(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "liar"
    path.write_bytes(pack(b"\0\0\x08\x02" + b"\0\x10\0\0" * 2 + b"data"))
    assert peak_memory_of_refusal(path) < 1_000_000


@pytest.mark.parametrize("claim", [b"\0\0\x08\x01\0\0\0\x0a", b"\0\0\x08\x02" + b"\0\x10\0\0" * 2])
def test_a_gzip_bomb_is_not_unpacked(claim: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(claim + bytes(50_000_000)))
    assert peak_memory_of_refusal(path) < 1_000_000


def test_what_is_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 16, 0, 0, 16, 0, 0]))  # 2**12 rows of 2**20 bytes
    with path.open("r+b") as file:
        file.truncate(5 << 30)  # without taking room on the disk
    with pytest.raises(DataError, match="found the length 4294967296 .*at most 1073741824"):
        read_idx(path)

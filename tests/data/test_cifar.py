from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minicnn.data import DataError, catalog, cifar, download, load, locate, transfer
from minicnn.data.content import KnownFile

COUNT = 7
FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
SITE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"


def packed(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in {"batches.meta.txt": b"airplane\n", **files}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The six files of a CIFAR-10 with 7 images in each."""
    monkeypatch.setattr(cifar, "RECORDS", COUNT)
    rng = np.random.default_rng(0)
    made = {}
    for name in FILES:
        records = rng.integers(0, 256, (COUNT, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        made[name] = records.tobytes()
    return made


@pytest.fixture
def archive(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Them in an archive, whose SHA-256 the catalog takes for the true one."""
    content = packed(files)
    accept(content, monkeypatch)
    return content


def accept(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownFile(hashlib.sha256(content).hexdigest(), len(content), len(content))
    entry = replace(catalog.CATALOG["cifar10"], files={cifar.ARCHIVE: known})
    monkeypatch.setitem(catalog.CATALOG, "cifar10", entry)


@pytest.fixture
def mine(clean_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$MINICNN_DATA/cifar10, empty."""
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "mine"))
    directory = tmp_path / "mine" / "cifar10"
    directory.mkdir(parents=True)
    return directory


def check_split(part: Any, files: dict[str, bytes], names: list[str]) -> None:
    """Pixel by pixel: a label, then 1024 bytes of red, of green and of blue, row by row."""
    assert len(part) == COUNT * len(names)
    assert part.images.dtype == np.uint8
    for number in range(len(part)):
        content = files[names[number // COUNT]]
        start = 3073 * (number % COUNT)
        assert part.labels[number] == content[start]
        for c, i, j in [(0, 0, 0), (0, 0, 31), (0, 1, 0), (1, 0, 0), (2, 5, 9), (2, 31, 31)]:
            assert part.images[number, c, i, j] == content[start + 1 + 1024 * c + 32 * i + j]


@pytest.mark.parametrize("form", ["archive", "unpacked", "unpacked in its folder"])
def test_loads_from_the_archive_or_what_was_unpacked(
    form: str, files: dict[str, bytes], archive: bytes, mine: Path
) -> None:
    assert locate("cifar10") is None
    if form == "archive":
        (mine / cifar.ARCHIVE).write_bytes(archive)
    else:
        directory = mine if form == "unpacked" else mine / "cifar-10-batches-bin"
        directory.mkdir(exist_ok=True)
        for name, content in files.items():
            (directory / name).write_bytes(content)
    assert locate("cifar10") == mine
    train, test = load("cifar10")
    assert repr(train) == "<cifar10 train: 35 images 3x32x32, 10 classes>"
    assert repr(test) == "<cifar10 test: 7 images 3x32x32, 10 classes>"
    assert train.classes is not None
    assert [train.classes[k] for k in (0, 3, 9)] == ["airplane", "cat", "truck"]
    check_split(train, files, FILES[:5])
    check_split(test, files, FILES[5:])
    check_split(load("cifar10", "test"), files, FILES[5:])


def test_ten_thousand_records_in_each_file(mine: Path) -> None:
    (mine / "test_batch.bin").write_bytes(bytes(30_730_000))
    assert load("cifar10", "test").images.shape == (10_000, 3, 32, 32)


def test_the_published_size_and_sum_are_asked_for(mine: Path) -> None:
    (mine / cifar.ARCHIVE).write_bytes(b"<html>")
    with pytest.raises(DataError) as caught:
        load("cifar10", "train")
    message = str(caught.value)
    assert message.startswith(f"{mine / cifar.ARCHIVE}: found 6 bytes, expected 170,052,171. ")
    assert message.endswith("or delete it and get the data set again")
    known = catalog.CATALOG["cifar10"].files[cifar.ARCHIVE]
    assert known.sha256 == "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"


def test_archives_that_are_damaged_or_lack_a_file(
    files: dict[str, bytes], archive: bytes, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mine / cifar.ARCHIVE
    without = packed({name: files[name] for name in FILES if name != "data_batch_3.bin"})
    short = packed({**files, "data_batch_3.bin": files["data_batch_3.bin"][:-1]})
    long = packed({**files, "data_batch_3.bin": files["data_batch_3.bin"] + b"\0"})
    for content, message in (
        (archive[: len(archive) // 2], "found a damaged archive"),
        (archive[:3], "found a damaged archive"),
        (b"no archive", "found a damaged archive"),
        (without, "found no data_batch_3.bin in it"),
        (short, "found 21510 bytes, expected 7 records of 1\\+3072 = 21511"),
        (long, "found more bytes, expected 7 records of 1\\+3072 = 21511"),
    ):
        path.write_bytes(content)
        accept(content, monkeypatch)
        with pytest.raises(DataError, match=f"{path}.*: {message}.*. Replace it with the orig"):
            load("cifar10", "train")


def test_unpacked_files_that_are_something_else(files: dict[str, bytes], mine: Path) -> None:
    path = mine / "test_batch.bin"
    for content, message in (
        (b"", "found 0 bytes, expected 7 records"),
        (files["test_batch.bin"] + b"\0", "found more bytes, expected 7 records"),
        (b"\x0a" + files["test_batch.bin"][1:], "found the label 10, expected 0..9"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{path}: {message}.* Replace it with the original"):
            load("cifar10", "test")


def test_a_file_that_cannot_be_read(
    files: dict[str, bytes], archive: bytes, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    for name, content in (("test_batch.bin", files["test_batch.bin"]), (cifar.ARCHIVE, archive)):
        (mine / name).write_bytes(content)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", refuse)
            with pytest.raises(DataError, match=f"{mine / name}: cannot be read .Permission den"):
                load("cifar10", "test")
    monkeypatch.setattr(tarfile, "open", refuse)
    with pytest.raises(DataError, match=f"{mine / cifar.ARCHIVE}: found a damaged archive .*Perm"):
        load("cifar10", "test")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], list[str]]:
    """site(content): the one mirror sends this; returns the list of addresses asked for."""

    def serve(content: bytes) -> list[str]:
        asked: list[str] = []

        def receive(url: str, limit: int) -> Iterator[bytes]:
            asked.append(url)
            assert limit == catalog.CATALOG["cifar10"].files[cifar.ARCHIVE].size
            yield content

        monkeypatch.setattr(transfer, "receive", receive)
        return asked

    return serve


def test_it_is_downloaded_once_and_again_when_damaged(
    archive: bytes, clean_places: Path, site: Callable[[bytes], list[str]], files: dict[str, bytes]
) -> None:
    asked = site(archive)
    check_split(load("cifar10", "test"), files, FILES[5:])
    assert asked == [SITE]
    place = clean_places / "cifar10"
    assert locate("cifar10") == download("cifar10") == place
    assert asked == [SITE]
    (place / cifar.ARCHIVE).write_bytes(archive[:-1])
    assert download("cifar10") == place
    assert asked == [SITE] * 2
    assert [path.name for path in place.iterdir()] == [cifar.ARCHIVE]
    assert (place / cifar.ARCHIVE).read_bytes() == archive


def test_a_download_of_something_else_says_what_to_do_by_hand(
    archive: bytes, clean_places: Path, site: Callable[[bytes], list[str]]
) -> None:
    site(archive[:-1])
    with pytest.raises(DataError) as caught:
        load("cifar10")
    message = str(caught.value)
    place = clean_places / "cifar10"
    assert message.startswith(f"cifar10: no mirror delivered cifar-10-binary.tar.gz ({SITE}: found")
    assert f"put cifar-10-binary.tar.gz into {place}, or into DIR/cifar10 and set" in message
    assert list(place.iterdir()) == []

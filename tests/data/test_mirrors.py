from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

pytest.importorskip("pooch", reason="pooch is not installed")
import pooch

from minicnn.data import DataError, catalog, mirrors
from minicnn.data.mirrors import fetch

NAME = "train-images-idx3-ubyte.gz"


class Site(ThreadingHTTPServer):
    """A site whose folders are mirrors of the same files, most of them bad; it notes each request.

    Content is random, so that half of a compressed file is a file cut in the middle.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {f"{stem}.gz": gzip.compress(content) for stem, content in files.items()}
        self.requests: list[str] = []
        self.release = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def mirror(self, folder: str) -> str:
        return f"{self.address}/{folder}/"


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        _, folder, name = self.path.split("/")
        good = self.server.files.get(name)
        if folder == "forbidden" or good is None:
            self.send_error(403)
            return
        if folder == "silent":
            self.server.release.wait(10)
        body = {
            "html": b"<!DOCTYPE html><html>Please accept our cookies</html>",
            "empty": b"",
            "cut": good[: len(good) // 2],
            "altered": gzip.compress(gzip.decompress(good)[:-1] + b"\xff"),
            "unpacked": gzip.decompress(good),
        }.get(folder, good)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if folder == "broken-off" else body)

    def log_message(self, *_: object) -> None:
        """Silent: the base class writes each request to standard error."""


@pytest.fixture
def site(tiny: dict[str, bytes]) -> Iterator[Site]:
    with Site(tiny) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def sha256(tiny: dict[str, bytes]) -> str:
    return hashlib.sha256(tiny["train-images-idx3-ubyte"]).hexdigest()


BAD = {
    "forbidden": "403 Client Error: Forbidden",
    "html": "found b'<!DO' at the start, which looks like an HTML page, expected an IDX header",
    "empty": "found an empty file, expected an IDX header",
    "cut": "found a damaged gzip stream",
    "broken-off": "no complete transfer (ChunkedEncodingError)",
    "altered": "found the SHA-256 ",
    "silent": "no answer within 0.1 s",
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors, "TIMEOUT", 0.1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("folder", BAD)
def test_a_bad_mirror_is_passed_over(
    folder: str, site: Site, sha256: str, clean_places: Path
) -> None:
    good = site.mirror("good")
    assert fetch(NAME, [site.mirror(folder), good], clean_places, sha256) == good
    assert site.requests == [f"/{folder}/{NAME}", f"/good/{NAME}"]
    assert [path.name for path in clean_places.iterdir()] == [NAME]
    assert (clean_places / NAME).read_bytes() == site.files[NAME]


def test_a_mirror_that_is_not_there_is_passed_over(
    site: Site, sha256: str, clean_places: Path
) -> None:
    nobody = "http://127.0.0.1:1/"
    good = site.mirror("good")
    assert fetch(NAME, [nobody, good], clean_places, sha256) == good
    with pytest.raises(DataError, match=r"http://127.0.0.1:1/.*: no complete transfer \(Connec"):
        fetch(NAME, [nobody], clean_places, sha256)


def test_a_file_that_the_server_unpacked_is_good(
    site: Site, sha256: str, clean_places: Path
) -> None:
    assert fetch(NAME, [site.mirror("unpacked")], clean_places, sha256) == site.mirror("unpacked")


@pytest.mark.usefixtures("impatient")
def test_when_all_fail_each_reason_is_told_and_nothing_stays(
    site: Site, sha256: str, clean_places: Path
) -> None:
    with pytest.raises(DataError, match=f"no mirror delivered {NAME}") as caught:
        fetch(NAME, [site.mirror(folder) for folder in BAD], clean_places, sha256)
    for folder, reason in BAD.items():
        assert f"{site.mirror(folder)}{NAME}: {reason}" in str(caught.value)
    assert list(clean_places.iterdir()) == []


def test_a_bad_download_leaves_the_old_file(site: Site, sha256: str, clean_places: Path) -> None:
    clean_places.mkdir()
    (clean_places / NAME).write_bytes(b"old")
    with pytest.raises(DataError):
        fetch(NAME, [site.mirror("altered")], clean_places, sha256)
    assert (clean_places / NAME).read_bytes() == b"old"
    assert len(list(clean_places.iterdir())) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_no_file(
    error: type[BaseException],
    site: Site,
    sha256: str,
    clean_places: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    during = []

    def interrupted(_: object, url: str, file: Any, __: object) -> NoReturn:
        file.write(site.files[NAME][:9])
        during.extend(path.name for path in clean_places.iterdir())
        raise error

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupted)
    with pytest.raises(error):
        fetch(NAME, [site.mirror("good")], clean_places, sha256)
    assert len(during) == 1
    assert during[0].endswith(".part")
    assert list(clean_places.iterdir()) == []


def test_nothing_is_in_place_before_it_is_checked(
    site: Site, sha256: str, clean_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(path: Path, _: str) -> None:
        assert path.read_bytes() == site.files[NAME]
        assert not (clean_places / NAME).exists()

    monkeypatch.setattr(mirrors, "decode_idx", check)
    fetch(NAME, [site.mirror("good")], clean_places, sha256)
    assert (clean_places / NAME).exists()


def test_a_directory_that_cannot_be_written_is_named(
    site: Site, sha256: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    directory = tmp_path / "file" / "tiny"
    with pytest.raises(DataError, match=f"{directory}: cannot be written to .Not a directory"):
        fetch(NAME, [site.mirror("good")], directory, sha256)
    assert site.requests == []


# The same through the catalog.


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, site: Site) -> Callable[..., None]:
    """listed("html", "good"): the data set "tiny" has these mirrors."""

    def use(*folders: str) -> None:
        entry = catalog._CATALOG["tiny"]
        addresses = tuple(site.mirror(folder) for folder in folders)
        changed = catalog.CatalogEntry(entry.classes, entry.sums, mirrors=addresses)
        monkeypatch.setitem(catalog._CATALOG, "tiny", changed)

    return use


def test_load_downloads_once_and_asks_the_good_mirror_first(
    listed: Callable[..., None], site: Site, clean_places: Path
) -> None:
    listed("forbidden", "good")
    assert catalog.locate("tiny") is None
    train, test = catalog.load("tiny")
    assert (len(train), len(test)) == (6, 4)
    folders = [path.split("/")[1] for path in site.requests]
    assert folders == ["forbidden", "good", "good", "good", "good"]
    assert catalog.locate("tiny") == clean_places / "tiny"
    again = catalog.load("tiny", "train")
    np.testing.assert_array_equal(again.images, train.images)
    assert len(site.requests) == 5


def test_download_fetches_what_is_missing_or_damaged(
    listed: Callable[..., None], site: Site, clean_places: Path
) -> None:
    listed("good")
    directory = catalog.download("tiny")
    assert directory == clean_places / "tiny"
    (directory / "t10k-labels-idx1-ubyte.gz").unlink()
    (directory / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    site.requests.clear()
    catalog.download("tiny")
    assert sorted(site.requests) == [
        "/good/t10k-labels-idx1-ubyte.gz",
        "/good/train-labels-idx1-ubyte.gz",
    ]
    assert len(catalog.load("tiny", "test")) == 4


def test_what_was_downloaded_goes_before_a_damaged_unpacked_file(
    listed: Callable[..., None], clean_places: Path, put: Callable[..., None]
) -> None:
    listed("good")
    put(clean_places / "tiny", {"t10k-images-idx3-ubyte": b"damaged"}, "")
    catalog.download("tiny")
    assert len(catalog.load("tiny", "test")) == 4


def test_a_failed_download_says_what_to_do_by_hand(
    listed: Callable[..., None], site: Site, clean_places: Path
) -> None:
    listed("forbidden", "html")
    with pytest.raises(DataError) as caught:
        catalog.load("tiny")
    message = str(caught.value)
    assert message.startswith(f"tiny: no mirror delivered {NAME} (")
    assert f"{site.mirror('forbidden')}{NAME}: 403" in message
    assert f"{site.mirror('html')}{NAME}: found" in message
    assert f"put {NAME}, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz" in message
    assert f"into {clean_places / 'tiny'}, or into DIR/tiny and set" in message
    assert "MINICNN_DATA to DIR" in message
    assert "\n" not in message

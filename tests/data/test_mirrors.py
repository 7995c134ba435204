from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pooch", reason="pooch is not installed")
pytest.importorskip("tqdm", reason="tqdm is not installed")
from support.bad_servers import BAD, GOOD, NO_ANSWER, TOO_SLOW, Server, running

from minicnn.cli.sources import find_source
from minicnn.data import DataError, catalog, mirrors, transfer
from minicnn.data.content import ContentCheck, IdxContentCheck
from minicnn.data.mirrors import fetch

STEM = "train-images-idx3-ubyte"
NAME = f"{STEM}.gz"
NewCheck = Callable[[], ContentCheck]


@pytest.fixture
def site(tiny: dict[str, bytes]) -> Iterator[Server]:
    files = {f"{stem}.gz": gzip.compress(content) for stem, content in tiny.items()}
    with running(Server(files)) as server:
        yield server


@pytest.fixture
def new_check(tiny: dict[str, bytes]) -> NewCheck:
    return partial(IdxContentCheck, catalog.CATALOG["tiny"].files[STEM])


@pytest.mark.parametrize("manner", BAD)
def test_a_bad_mirror_is_passed_over(
    manner: str,
    site: Server,
    new_check: NewCheck,
    clean_places: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if manner.startswith("tls"):
        pytest.importorskip("certifi", reason="certifi is not installed")
    bad, good = site.mirror(manner), site.mirror("good")
    reason = BAD[manner][1]
    is_slow = reason in (NO_ANSWER, TOO_SLOW)
    with monkeypatch.context() as patch:
        if is_slow:
            patch.setattr(transfer, "TIMEOUT", 0.2)
        with pytest.raises(DataError) as caught:
            fetch(NAME, [bad], clean_places, new_check)
    start = f"no mirror delivered {NAME} ({bad}{NAME}: "
    assert str(caught.value).startswith(start)
    assert re.match(reason, str(caught.value)[len(start) : -1])
    assert list(clean_places.iterdir()) == []
    assert fetch(NAME, [good] if is_slow else [bad, good], clean_places, new_check) == good
    assert [path.name for path in clean_places.iterdir()] == [NAME]
    assert (clean_places / NAME).read_bytes() == site.files[NAME]


@pytest.mark.parametrize("manner", GOOD)
def test_an_unusual_mirror_is_good_enough(
    manner: str, site: Server, new_check: NewCheck, clean_places: Path, tiny: dict[str, bytes]
) -> None:
    assert fetch(NAME, [site.mirror(manner)], clean_places, new_check) == site.mirror(manner)
    content = (clean_places / NAME).read_bytes()
    unpacked = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    assert unpacked == tiny[STEM]


def test_a_mirror_that_is_not_there_is_passed_over(
    site: Server, new_check: NewCheck, clean_places: Path
) -> None:
    nobody = "http://127.0.0.1:1/"
    good = site.mirror("good")
    assert fetch(NAME, [nobody, good], clean_places, new_check) == good
    with pytest.raises(DataError, match=r"http://127.0.0.1:1/.*: Connection refused"):
        fetch(NAME, [nobody], clean_places, new_check)


def test_when_all_are_bad_each_reason_is_told_and_the_digits_are_used(
    site: Server, clean_places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", 0.1)
    bad = tuple(site.mirror(manner) for manner in BAD if not manner.startswith("tls"))
    known = replace(catalog.CATALOG["mnist"], files=catalog.CATALOG["tiny"].files, mirrors=bad)
    monkeypatch.setitem(catalog.CATALOG, "mnist", known)
    with pytest.raises(DataError) as caught:
        catalog.load("mnist")
    message = str(caught.value)
    assert message.startswith(f"mnist: no mirror delivered {NAME} (")
    assert [message.count(f"{mirror}{NAME}: ") for mirror in bad] == [1] * len(bad)
    assert message.isascii()
    assert message.isprintable()
    assert list((clean_places / "mnist").iterdir()) == []
    assert find_source("auto").name == "digits"
    assert "MNIST could not be downloaded, using the bundled digits" in capsys.readouterr().err


def test_a_bad_download_leaves_the_old_file(
    site: Server, new_check: NewCheck, clean_places: Path
) -> None:
    clean_places.mkdir()
    (clean_places / NAME).write_bytes(b"old")
    with pytest.raises(DataError):
        fetch(NAME, [site.mirror("altered")], clean_places, new_check)
    assert (clean_places / NAME).read_bytes() == b"old"
    assert len(list(clean_places.iterdir())) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_no_file(
    error: type[BaseException],
    site: Server,
    new_check: NewCheck,
    clean_places: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    during = []

    def interrupted(*_: object) -> Iterator[bytes]:
        yield site.files[NAME][:9]
        during.extend(path.name for path in clean_places.iterdir())
        raise error

    monkeypatch.setattr(transfer, "receive", interrupted)
    with pytest.raises(error):
        fetch(NAME, [site.mirror("good")], clean_places, new_check)
    assert len(during) == 1
    assert during[0].endswith(".part")
    assert list(clean_places.iterdir()) == []


def test_nothing_is_in_place_before_it_is_checked(
    site: Server, new_check: NewCheck, clean_places: Path
) -> None:
    class Check(IdxContentCheck):
        def finish(self) -> None:
            super().finish()
            assert not (clean_places / NAME).exists()
            finished.append(True)

    finished: list[bool] = []
    fetch(NAME, [site.mirror("good")], clean_places, lambda: Check(new_check().known))
    assert finished == [True]
    assert (clean_places / NAME).exists()


def test_a_directory_that_cannot_be_written_is_named(
    site: Server, new_check: NewCheck, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    directory = tmp_path / "file" / "tiny"
    with pytest.raises(DataError, match=f"{directory}: cannot be written to .Not a directory"):
        fetch(NAME, [site.mirror("good")], directory, new_check)
    assert site.requests == []


def test_a_full_disk_is_named(
    site: Server, new_check: NewCheck, clean_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=f"{clean_places}: cannot be written to .No space left"):
        fetch(NAME, [site.mirror("good")], clean_places, new_check)
    assert list(clean_places.iterdir()) == []


def test_a_download_without_standard_error(
    site: Server, new_check: NewCheck, clean_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors.sys, "stderr", None)
    fetch(NAME, [site.mirror("good")], clean_places, new_check)


# The same through the catalog.


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, site: Server) -> Callable[..., None]:
    """listed("html", "good"): the data set "tiny" has these mirrors."""

    def use(*manners: str) -> None:
        mirrors = tuple(site.mirror(manner) for manner in manners)
        entry = replace(catalog.CATALOG["tiny"], mirrors=mirrors)
        monkeypatch.setitem(catalog.CATALOG, "tiny", entry)

    return use


def test_load_downloads_once_and_asks_the_good_mirror_first(
    listed: Callable[..., None], site: Server, clean_places: Path
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
    listed: Callable[..., None], site: Server, clean_places: Path
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
    listed: Callable[..., None], site: Server, clean_places: Path
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

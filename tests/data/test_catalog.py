from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minicnn.data import DataError, catalog, download, load, load_directory, locate

REAL = Path(os.environ.get("MINICNN_DATA", ""))
needs_mnist = pytest.mark.skipif(
    "MINICNN_DATA" not in os.environ or not (REAL / "mnist").is_dir(),
    reason="needs MNIST in $MINICNN_DATA/mnist",
)
Put = Callable[..., None]

pytestmark = pytest.mark.usefixtures("clean_places")


def test_digits_are_bundled() -> None:
    train, test = load("digits")
    assert repr(train) == "<digits train: 1442 images 1x8x8, 10 classes>"
    assert repr(test) == "<digits test: 355 images 1x8x8, 10 classes>"
    assert train.classes == tuple("0123456789")
    for part in (train, test):
        assert part.images.min() == 0
        assert part.images.max() == 255
        assert set(part.labels) == set(range(10))
    assert np.bincount(test.labels).min() >= 33
    assert locate("digits") == download("digits") == Path(catalog.__file__).parent / "bundled"
    assert "CC BY 4.0" in (download("digits") / "README.txt").read_text()


def test_digits_are_those_that_scikit_learn_ships() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    source = datasets.load_digits()
    held_out = np.zeros(len(source.target), bool)
    rng = np.random.default_rng(0)
    for label in range(10):  # as bundled/README.txt says
        of_class = np.flatnonzero(source.target == label)
        held_out[rng.permutation(of_class)[: len(of_class) // 5]] = True
    for part, chosen in zip(load("digits"), (~held_out, held_out), strict=True):
        values = np.rint(part.images[:, 0] * (16 / 255))
        np.testing.assert_array_equal(values, source.images[chosen])
        np.testing.assert_array_equal(part.labels, source.target[chosen])


def test_bundled_files_are_packed_without_a_date() -> None:
    for path in download("digits").glob("*.gz"):
        assert path.read_bytes()[4:8] == bytes(4)


def test_one_split_or_both() -> None:
    assert len(load("digits", "train")) == 1442
    assert len(load("digits", "test")) == 355


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashion_mnist", "; did you mean 'fashion-mnist'?"),
        ("MNIST", "; did you mean 'mnist'?"),
        ("digit", "; did you mean 'digits'?"),
        ("CIFAR-10", "; did you mean 'cifar10'?"),
        ("imagenet-22k", ""),
    ],
)
@pytest.mark.parametrize("function", [load, locate, download])
def test_an_unknown_name_is_told_the_known_ones(function: Any, name: Any, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        function(name)
    known = "'digits', 'mnist', 'fashion-mnist' or 'cifar10'"
    assert str(caught.value) == f"name: got {name!r}, expected {known}{hint}"


@pytest.mark.parametrize("function", [load, locate, download])
def test_a_name_that_is_not_a_string_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="name: got None, expected 'digits', 'mnist', "):
        function(None)


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    message = "split: got 'validation', expected 'train' or 'test'"
    with pytest.raises(ValueError, match=message):
        load("digits", "validation")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=message):
        load_directory(tmp_path, "validation")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="split: got 1, expected 'train' or 'test'"):
        load("digits", 1)  # type: ignore[call-overload]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_environment_comes_first_then_the_system_then_the_cache(
    suffix: str,
    tiny: dict[str, bytes],
    put: Put,
    tmp_path: Path,
    clean_places: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = tmp_path / "system"
    entry = catalog.CATALOG["tiny"]
    changed = catalog.CatalogEntry(entry.classes, entry.files, installed=system, mirrors=("none",))
    monkeypatch.setitem(catalog.CATALOG, "tiny", changed)
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "mine"))
    assert locate("tiny") is None
    for place in (clean_places / "tiny", system, tmp_path / "mine" / "tiny"):
        put(place, tiny, suffix)
        assert locate("tiny") == place
        train, test = load("tiny")
        assert (train.name, test.name) == ("tiny train", "tiny test")
        assert train.image_shape == (1, 5, 3)
        assert train.classes == ("a", "b", "c")


def test_a_directory_that_lacks_files_is_passed_over(
    tiny: dict[str, bytes],
    put: Put,
    tmp_path: Path,
    clean_places: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path))
    put(tmp_path / "tiny", {stem: tiny[stem] for stem in tiny if stem.startswith("t10k")})
    put(clean_places / "tiny", tiny)
    assert locate("tiny") == clean_places / "tiny"
    # For only the test images the first directory is enough.
    (clean_places / "tiny" / "t10k-images-idx3-ubyte.gz").unlink()
    assert len(load("tiny", "test")) == 4


def test_names_with_a_dot_are_known(tiny: dict[str, bytes], put: Put, tmp_path: Path) -> None:
    put(tmp_path, {stem.replace("-idx", ".idx"): content for stem, content in tiny.items()}, "")
    assert len(load_directory(tmp_path, "train")) == 6


def test_a_local_file_with_another_sum_is_named(
    tiny: dict[str, bytes], put: Put, clean_places: Path
) -> None:
    altered = {**tiny, "t10k-images-idx3-ubyte": tiny["t10k-images-idx3-ubyte"][:-1] + b"\xff"}
    put(clean_places / "tiny", altered)
    path = clean_places / "tiny" / "t10k-images-idx3-ubyte.gz"
    sum_expected = catalog.CATALOG["tiny"].files["t10k-images-idx3-ubyte"].sha256
    with pytest.raises(DataError, match=f"{path}: found the SHA-256 .* expected {sum_expected}"):
        load("tiny", "test")
    assert len(load("tiny", "train")) == 6


def test_a_directory_of_any_data_set(tiny: dict[str, bytes], put: Put, tmp_path: Path) -> None:
    directory = tmp_path / "shapes"
    put(directory, tiny)
    train, test = load_directory(directory)
    assert repr(train) == "<shapes train: 6 images 1x5x3, 3 classes>"
    assert len(test) == len(load_directory(str(directory), "test")) == 4


def test_a_directory_counts_classes_over_both_splits(
    tiny: dict[str, bytes], put: Put, tmp_path: Path, encode: Callable[[np.ndarray], bytes]
) -> None:
    labels = {"t10k-labels-idx1-ubyte": encode(np.array([0, 0, 6, 0], np.int32))}
    put(tmp_path, {**tiny, **labels})
    assert load_directory(tmp_path, "train").num_classes == 7


def test_a_directory_without_the_files_is_told(
    tiny: dict[str, bytes], put: Put, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="absent: found no train-images-idx3-ubyte, train-lab"):
        load_directory(tmp_path / "absent")
    put(tmp_path, {stem: tiny[stem] for stem in tiny if "images" in stem})
    with pytest.raises(DataError, match="found no t10k-labels-idx1-ubyte, expected them with or"):
        load_directory(tmp_path, "test")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(5, np.uint8), r"labels: got shape \(5,\), expected \(4,\)"),
        (np.zeros(4, np.float32), "labels: got float32 .*, expected integers"),
        (np.array([0, -1, 0, 0], np.int8), "labels: got -1"),
        (np.zeros((4, 2), np.uint8), r"labels: got uint8 of shape \(4, 2\), expected integers"),
    ],
)
def test_labels_that_do_not_match_are_named(
    labels: np.ndarray,
    message: str,
    tiny: dict[str, bytes],
    put: Put,
    tmp_path: Path,
    encode: Callable[[np.ndarray], bytes],
) -> None:
    put(tmp_path, {**tiny, "t10k-labels-idx1-ubyte": encode(labels)})
    files = "t10k-images-idx3-ubyte.gz and .*t10k-labels-idx1-ubyte.gz"
    with pytest.raises(DataError, match=f"{files}: {message}"):
        load_directory(tmp_path, "test")


def test_cache_directory_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert catalog.cache_directory().name == "minicnn"


def test_importing_and_loading_the_bundled_digits_imports_nothing_heavy() -> None:
    program = (
        "import sys, minicnn.data\n"
        "minicnn.data.load('digits')\n"
        "heavy = {'pooch', 'tqdm', 'certifi', 'urllib.request', 'http.client', 'PIL'}\n"
        "heavy &= {*sys.modules}\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@needs_mnist
def test_real_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINICNN_DATA", str(REAL))
    train, test = load("mnist")
    assert locate("mnist") == REAL / "mnist"
    assert repr(train) == "<mnist train: 60000 images 1x28x28, 10 classes>"
    assert repr(test) == "<mnist test: 10000 images 1x28x28, 10 classes>"
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(test.labels).tolist() == [
        *(980, 1135, 1032, 1010, 982),
        *(892, 958, 1028, 974, 1009),
    ]
    pixels = train[:][0]
    assert pixels.mean() == pytest.approx(0.1307, abs=1e-4)
    assert pixels.std() == pytest.approx(0.3081, abs=1e-4)


@needs_mnist
def test_real_mnist_with_one_pixel_changed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mnist").mkdir()
    for stem in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        content = bytearray(gzip.decompress((REAL / "mnist" / f"{stem}.gz").read_bytes()))
        content[-1] ^= 1
        (tmp_path / "mnist" / stem).write_bytes(content)
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte: found the SHA-256"):
        load("mnist", "test")


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="needs Debian's dataset-fashion-mnist",
)
def test_fashion_mnist_of_debian() -> None:
    test = load("fashion-mnist", "test")
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert test.classes is not None
    assert test.classes[9] == "Ankle boot"

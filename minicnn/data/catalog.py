"""The data sets known by name: what their files are, where they are looked for, how they load."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, overload

from numpy.typing import NDArray

from . import cifar, idx_files
from .dataset import ArrayDataset
from .errors import DataError
from .idx import read_idx
from .mirrors import fetch

Split = Literal["train", "test"]


class Format(Protocol):
    """What the modules `idx_files` and `cifar` have."""

    def download_name(self, file: str, /) -> str: ...

    def find(self, directory: Path, file: str, /) -> Path | None: ...

    def missing(self, directory: Path, splits: Sequence[str], /) -> list[str]: ...

    def check(self, path: Path, sha256: str, /) -> object: ...

    def read(
        self, directory: Path, split: str, sums: Mapping[str, str], /
    ) -> tuple[NDArray[Any], NDArray[Any], str]: ...


@dataclass(frozen=True)
class Source:
    """One data set: its classes, the SHA-256 of its files, and where they may be.

    The sum of an IDX file is that of its uncompressed content.
    """

    classes: tuple[str, ...] | int
    sums: dict[str, str]
    installed: Path | None = None  # where this package or a system package puts it
    mirrors: tuple[str, ...] = ()
    format: Format = idx_files


def _sums(*sums: str) -> dict[str, str]:
    files = [file for pair in idx_files.FILES.values() for file in pair]
    return dict(zip(files, sums, strict=True))


_SOURCES = {
    "digits": Source(
        classes=tuple("0123456789"),
        sums=_sums(
            "69d0e2c9d3c8b953192a0f5d36b07d5871491c718aa52b40bae15cdf09ec5529",
            "5036e7a0c0afe832b752706b4a0f4a84adad411dc8063a1a87b3c9015eb366a7",
            "34b1cad9c065a274558d766d53706c081c5b775fcc4f99b68b56552225c42128",
            "1adc3fcdb0cf1fc83daaf0369973782940ee67a94c37f56a4aa693b28311f0a8",
        ),
        installed=Path(__file__).parent / "bundled",
    ),
    "mnist": Source(
        classes=tuple("0123456789"),
        sums=_sums(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
    ),
    "fashion-mnist": Source(
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        sums=_sums(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        installed=Path("/usr/share/datasets/fashion-mnist"),  # Debian: dataset-fashion-mnist
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
    ),
    "cifar10": Source(
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        # As TensorFlow Datasets lists it, in url_checksums/cifar10.txt; the authors give an MD5.
        sums={cifar.ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
        mirrors=("https://www.cs.toronto.edu/~kriz/",),
        format=cifar,
    ),
}
NAMES = tuple(_SOURCES)


@overload
def load(name: str, split: None = None) -> tuple[ArrayDataset, ArrayDataset]: ...


@overload
def load(name: str, split: Split) -> ArrayDataset: ...


def load(name: str, split: Split | None = None) -> ArrayDataset | tuple[ArrayDataset, ArrayDataset]:
    """The split "train" or "test" of a data set, or both as (train, test).

    digits         bundled: 1,442 + 355 images 8x8; a fifth of each class is held out
    mnist          60,000 + 10,000 images 28x28
    fashion-mnist  60,000 + 10,000 images 28x28 of clothes
    cifar10        50,000 + 10,000 images 32x32 in colour, of animals and vehicles

    The files are looked for in $MINICNN_DATA/<name>/, then where this package or Debian's
    dataset-fashion-mnist installs them, then in the user's cache directory, and downloaded there if
    they are nowhere. Wherever they come from, their content is compared with its known SHA-256;
    only for what was unpacked from CIFAR-10's archive none is known.

    Raises DataError for an unknown name or split, a damaged file, or a download that fails.
    """
    source = _source(name)
    wanted = _splits(split)
    directory = _find(name, source, wanted) or download(name)
    loaded = [_read(source, directory, part, name) for part in wanted]
    return loaded[0] if split else (loaded[0], loaded[1])


@overload
def load_directory(
    path: str | os.PathLike[str], split: None = None
) -> tuple[ArrayDataset, ArrayDataset]: ...


@overload
def load_directory(path: str | os.PathLike[str], split: Split) -> ArrayDataset: ...


def load_directory(
    path: str | os.PathLike[str], split: Split | None = None
) -> ArrayDataset | tuple[ArrayDataset, ArrayDataset]:
    """As `load`, from the IDX files of any data set in one directory, without known sums.

    The files have MNIST's names, train-images-idx3-ubyte and so on, with or without .gz. Classes
    are counted over all label files in the directory.

    Raises DataError for missing or damaged files, and for images and labels that do not match.
    """
    directory = Path(path)
    wanted = _splits(split)
    if missing := idx_files.missing(directory, wanted):
        raise DataError(
            f"{directory}: found no {', '.join(missing)}, expected them with or without .gz"
        )
    all_labels = [idx_files.find(directory, labels) for _, labels in idx_files.FILES.values()]
    found = [read_idx(file) for file in all_labels if file]
    # Labels that are no integers are refused, with the file's name, where they are read.
    classes = 1 + max(int(labels.max()) if labels.dtype.kind in "iu" else 0 for labels in found)
    source = Source(classes, {})
    loaded = [_read(source, directory, part, directory.name) for part in wanted]
    return loaded[0] if split else (loaded[0], loaded[1])


def locate(name: str) -> Path | None:
    """The directory that `load(name)` would read, or None if it would have to download.

    Raises DataError for an unknown name.
    """
    return _find(name, _source(name), _splits(None))


def download(name: str) -> Path:
    """Bring a data set into the user's cache directory, and return where it is.

    Files that are there and intact stay; damaged ones are fetched anew. Of the bundled data set
    nothing has to be fetched.

    Raises DataError for an unknown name, and with a reason for each mirror when a file cannot be
    had.
    """
    source = _source(name)
    if not source.mirrors and source.installed is not None:
        return source.installed
    directory = cache_directory() / name
    mirrors = list(source.mirrors)
    try:
        for file, sha256 in source.sums.items():
            if not _is_intact(source, directory, file):
                called = source.format.download_name(file)
                good = fetch(called, mirrors, directory, sha256, source.format.check)
                mirrors.sort(key=lambda mirror: mirror != good)  # the next file asks it first
    except DataError as error:
        raise DataError(f"{name}: {error}. {_by_hand(name, source, directory)}") from error
    return directory


def cache_directory() -> Path:
    """Where downloads are kept, a directory of the user's that the operating system suggests."""
    import pooch  # it is slow to import

    return Path(pooch.os_cache("minicnn"))


def _source(name: str) -> Source:
    if name in _SOURCES:
        return _SOURCES[name]
    from difflib import get_close_matches

    close = get_close_matches(str(name).lower(), NAMES, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise DataError(f"name: got {name!r}, expected one of {', '.join(NAMES)}{hint}")


def _splits(split: str | None) -> tuple[str, ...]:
    if split is None:
        return tuple(idx_files.FILES)
    if split not in idx_files.FILES:
        raise DataError(f"split: got {split!r}, expected 'train', 'test' or None for both")
    return (split,)


def _find(name: str, source: Source, splits: tuple[str, ...]) -> Path | None:
    """The first directory that has all files of the splits."""
    places = _places(name, source)
    return next((place for place in places if not source.format.missing(place, splits)), None)


def _places(name: str, source: Source) -> Iterator[Path]:
    if chosen := os.environ.get("MINICNN_DATA"):
        yield Path(chosen).expanduser() / name
    if source.installed is not None:
        yield source.installed
    yield cache_directory() / name


def _is_intact(source: Source, directory: Path, file: str) -> bool:
    path = source.format.find(directory, file)
    try:
        if path is not None:
            source.format.check(path, source.sums[file])
    except DataError:
        return False
    return path is not None


def _read(source: Source, directory: Path, split: str, name: str) -> ArrayDataset:
    images, labels, paths = source.format.read(directory, split, source.sums)
    try:
        return ArrayDataset(images, labels, f"{name} {split}", source.classes)
    except (TypeError, ValueError) as error:
        raise DataError(f"{paths}: {error}") from error


def _by_hand(name: str, source: Source, directory: Path) -> str:
    files = ", ".join(map(source.format.download_name, source.sums))
    return (
        f"By hand: put {files} into {directory}, or into DIR/{name} and set the environment "
        "variable MINICNN_DATA to DIR; or take the data set 'digits', which needs no download"
    )

"""What is known of each data set before it is read: its classes, its files, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from . import cifar, idx_files
from .content import ContentCheck, KnownFile


class FileFormat(Protocol):
    """The functions of the modules `idx_files` and `cifar`."""

    def download_name(self, file: str, /) -> str: ...

    def find_file(self, directory: Path, file: str, /) -> Path | None: ...

    def find_missing(self, directory: Path, splits: Sequence[str], /) -> list[str]: ...

    def new_check(self, known: KnownFile, /) -> ContentCheck: ...

    def read_split(
        self, directory: Path, split: str, files: Mapping[str, KnownFile], /
    ) -> tuple[NDArray[Any], NDArray[Any], str]: ...


@dataclass(frozen=True)
class CatalogEntry:
    """One data set: its classes, what is known of its files, and where they may be found.

    A mirror is an address to which the name of a file is appended. One without encryption
    (http://) is good enough only because every file is compared with its SHA-256.
    """

    classes: tuple[str, ...] | int
    files: Mapping[str, KnownFile]
    image_shape: tuple[int, int, int] = (1, 28, 28)
    ink_box: int | None = None  # the longer side of a digit in the images
    installed: Path | None = None  # where this package or a system package installs it
    mirrors: tuple[str, ...] = ()
    format: FileFormat = idx_files


def _idx(sizes: Sequence[int], downloads: Sequence[int], *sums: str) -> dict[str, KnownFile]:
    """The four IDX files, whose content is a header and then a byte for each item."""
    names = [file for pair in idx_files.FILES.values() for file in pair]
    known = map(KnownFile, sums, sizes, downloads)
    return dict(zip(names, known, strict=True))


_SIZES_OF_MNIST = (16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000)

CATALOG = {
    "digits": CatalogEntry(
        classes=tuple("0123456789"),
        files=_idx(
            (16 + 1442 * 64, 8 + 1442, 16 + 355 * 64, 8 + 355),
            (35_725, 482, 9056, 204),
            "69d0e2c9d3c8b953192a0f5d36b07d5871491c718aa52b40bae15cdf09ec5529",
            "5036e7a0c0afe832b752706b4a0f4a84adad411dc8063a1a87b3c9015eb366a7",
            "34b1cad9c065a274558d766d53706c081c5b775fcc4f99b68b56552225c42128",
            "1adc3fcdb0cf1fc83daaf0369973782940ee67a94c37f56a4aa693b28311f0a8",
        ),
        image_shape=(1, 8, 8),
        ink_box=8,
        installed=Path(__file__).parent / "bundled",
    ),
    "mnist": CatalogEntry(
        classes=tuple("0123456789"),
        files=_idx(
            _SIZES_OF_MNIST,
            (9_912_422, 28_881, 1_648_877, 4542),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        ink_box=20,
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
    ),
    "fashion-mnist": CatalogEntry(
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        files=_idx(
            _SIZES_OF_MNIST,
            (26_421_880, 29_515, 4_422_102, 5148),
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
    "cifar10": CatalogEntry(
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        # From TensorFlow Datasets, url_checksums/cifar10.txt; the authors only publish an MD5.
        files={
            cifar.ARCHIVE: KnownFile(
                sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                size=170_052_171,
                download=170_052_171,
            )
        },
        image_shape=cifar.SHAPE,
        mirrors=("https://www.cs.toronto.edu/~kriz/",),
        format=cifar,
    ),
}

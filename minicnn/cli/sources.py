"""The images that the user names: a data set, IDX files, or pictures in one folder per class."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from .. import data
from ..data import ArrayDataset, ImageFolder
from ..data.catalog import look_up
from ..data.image_folder import find_parts
from ..models.classifier import Shape
from .inputs import InputError

TEST_FRACTION = 0.2  # of pictures that are in no train/ and test/


class Parts(NamedTuple):
    """What to train on, what to choose by, if there is such a part, and what to test with."""

    training: ArrayDataset
    validation: ArrayDataset | None
    test: ArrayDataset


class Source(Protocol):
    """Images of which nothing is downloaded or decoded yet.

    name: what the user writes to get them. image_shape: (C, H, W); pictures can be read in any
    size, and in grey or colours. ink_box: as in a ModelCard. is_one_folder: whether training and
    test images have to be split.
    """

    name: str
    classes: tuple[str, ...]
    image_shape: Shape
    ink_box: int | None
    is_pictures: bool
    is_one_folder: bool

    def fetch(self) -> None:
        """Download what is missing."""

    def load(self, shape: Shape, test_fraction: float) -> Parts:
        """All images; pictures in this shape."""

    def load_test(self, shape: Shape, test_fraction: float | None) -> ArrayDataset:
        """The test images; of one folder this fraction of each class, or None: all."""


@dataclass
class Arrays:
    """A data set by name, or from IDX files."""

    name: str
    classes: tuple[str, ...]
    image_shape: Shape
    ink_box: int | None
    read: Callable[[], tuple[ArrayDataset, ArrayDataset]]
    is_pictures = is_one_folder = False

    def fetch(self) -> None:
        if self.name in data.NAMES and data.locate(self.name) is None:
            data.download(self.name)

    def load(self, shape: Shape, test_fraction: float) -> Parts:
        training, test = self.read()
        if training.image_shape != test.image_shape:
            shapes = ["x".join(map(str, part.image_shape)) for part in (training, test)]
            raise InputError(
                f"the training images are {shapes[0]}, the test images {shapes[1]} "
                "(channels x height x width), expected the same"
            )
        return Parts(training, None, test)

    def load_test(self, shape: Shape, test_fraction: float | None) -> ArrayDataset:
        return self.read()[1]


class Pictures:
    """Pictures in path/CLASS/, or in path/train/CLASS/ and so on."""

    ink_box: int | None = None
    is_pictures = True

    def __init__(self, path: Path) -> None:
        self.name, self._parts = str(path), find_parts(path)
        self.is_one_folder = self._parts["train"] == path
        folder = ImageFolder(self._parts["train"])
        self.classes = folder.classes
        size, channels = folder.typical_picture()
        self.image_shape: Shape = (channels, *size)

    def fetch(self) -> None:
        """They are here."""

    def load(self, shape: Shape, test_fraction: float) -> Parts:
        training, test = self._folder("train", shape), self._test_folder(shape)
        if test is None:
            training, test = data.hold_out(training, test_fraction)
        has_own = "validation" in self._parts and "test" in self._parts
        validation = self._folder("validation", shape).in_memory() if has_own else None
        return Parts(training.in_memory(), validation, test.in_memory())

    def load_test(self, shape: Shape, test_fraction: float | None) -> ArrayDataset:
        test = self._test_folder(shape)
        if test is None:
            test = self._folder("train", shape)
            if test_fraction is not None:
                _, test = data.hold_out(test, test_fraction)
        return test.in_memory()

    def _test_folder(self, shape: Shape) -> ImageFolder | None:
        """The part to test with: test/, without which it is val/; None if it has to be split."""
        if self.is_one_folder:
            return None
        return self._folder("test" if "test" in self._parts else "validation", shape)

    def _folder(self, part: str, shape: Shape) -> ImageFolder:
        channels, *size = shape
        if part not in self._parts:
            raise InputError(f"{self.name}: found a train, but no test or val to test with")
        folder = ImageFolder(self._parts[part], (size[0], size[1]), channels)
        if folder.classes != self.classes:
            raise InputError(
                f"{self.name}: the classes of train are {', '.join(self.classes)}, but those of "
                f"{self._parts[part].name} are {', '.join(folder.classes)}"
            )
        return folder


def find_source(name: str) -> Source:
    """What the user means by ``--data name``."""
    path = Path(name)
    if name == "auto":
        return _mnist_or_digits()
    if name in data.NAMES or not path.exists():
        return _named(name)
    if path.is_dir() and any(path.glob("*-ubyte*")):
        return _idx_files(path)
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(
            f"{path}: is empty, expected pictures in one folder per class, or IDX files"
        )
    return Pictures(path)


def _mnist_or_digits() -> Source:
    try:
        parts = data.load("mnist")
    except data.DataError:
        reason = "is damaged" if data.locate("mnist") else "could not be downloaded"
        print(
            f"minicnn: MNIST {reason}, using the bundled digits "
            "(minicnn train MODEL --data mnist shows why)",
            file=sys.stderr,
        )
        return _named("digits")
    return _named("mnist", lambda: parts)


def _named(
    name: str, read: Callable[[], tuple[ArrayDataset, ArrayDataset]] | None = None
) -> Source:
    check_data_name(name)
    entry = look_up(name)
    assert not isinstance(entry.classes, int)
    return Arrays(
        name, entry.classes, entry.image_shape, entry.ink_box, read or (lambda: data.load(name))
    )


def check_data_name(name: str) -> None:
    """Raise InputError for a name that is no data set, with what may have been meant."""
    if name in data.NAMES:
        return
    close = difflib.get_close_matches(name.lower(), data.NAMES, 1)
    hint = (
        f"did you mean {close[0]}?" if close else f"expected {', '.join(data.NAMES)}, or a folder"
    )
    raise InputError(f"no data set or folder {name!r}; {hint}")


def _idx_files(path: Path) -> Source:
    training, test = data.load_directory(path)
    classes = tuple(map(str, range(max(training.num_classes, test.num_classes))))
    ink_box = 20 if _is_like_mnist(training) else None
    return Arrays(str(path), classes, training.image_shape, ink_box, lambda: (training, test))


def _is_like_mnist(dataset: ArrayDataset) -> bool:
    """Whether the images are ink on nothing, in MNIST's size and with its border."""
    if dataset.image_shape != (1, 28, 28):
        return False
    edges = dataset.images[:1000, 0]
    border = [edges[:, :4], edges[:, -4:], edges[:, :, :4], edges[:, :, -4:]]
    return float(np.mean([(side > 0).mean() for side in border])) < 0.02


def in_the_order_of(classes: tuple[str, ...], dataset: ArrayDataset) -> ArrayDataset:
    """The data set with the numbers that a network has for its classes, by their names.

    Raises InputError for a class that the network does not have.
    """
    own = dataset.classes or tuple(map(str, range(dataset.num_classes)))
    if own == classes:
        return dataset
    if unknown := [name for name in own if name not in classes]:
        raise InputError(
            f"the network does not know {', '.join(unknown)}, only {', '.join(classes)}"
        )
    numbers = np.array([classes.index(name) for name in own])
    return ArrayDataset(dataset.images, numbers[dataset.labels], dataset.name, classes)

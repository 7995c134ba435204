"""What the user names: data sets, files, numbers; and the one error for all that cannot be used."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import data, io, train
from ..backend import Array
from ..nn import Module
from ..train import recipes

DATA_HELP = (
    f"{', '.join(data.NAMES)}, a directory of IDX files or with pictures in train/CLASS/ and "
    "test/CLASS/, or auto: MNIST if it is here or can be downloaded, else the bundled digits "
    "(default: auto)"
)


class InputError(Exception):
    """Something the user gave that cannot be used; printed as one line."""


def number(kind: Callable[[str], Any], least: float) -> Callable[[str], Any]:
    """The type of an option that holds a number of ``least`` or more."""

    def read(text: str) -> Any:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"got {text}, expected a number of {least} or more")
        return value

    read.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return read


def load_data(name: str, model: Any) -> tuple[str, tuple[data.ArrayDataset, data.ArrayDataset]]:
    """The name of the data and its training and test part; pictures in the size of the model."""
    if name == "auto":
        try:
            return "mnist", data.load("mnist")
        except data.DataError:
            reason = "is damaged" if data.locate("mnist") else "could not be downloaded"
            print(
                f"minicnn: MNIST {reason}, taking the bundled digits "
                "(minicnn train MODEL --data mnist tells why)",
                file=sys.stderr,
            )
            return "digits", data.load("digits")
    if name in data.NAMES or not Path(name).exists():
        return name, data.load(name)
    if (Path(name) / "train").is_dir():
        return name, _load_pictures(Path(name), model.input_shape)
    return name, data.load_directory(name)


def _load_pictures(
    path: Path, shape: tuple[int, int, int]
) -> tuple[data.ArrayDataset, data.ArrayDataset]:
    """The pictures in path/train/CLASS/ and path/test/CLASS/, all in memory."""
    parts = [data.ImageFolder(path / part, shape[1:], shape[0]) for part in ("train", "test")]
    classes = parts[0].classes
    if parts[1].classes != classes:
        raise InputError(
            f"{path}: the classes of train are {', '.join(classes)}, but those of test "
            f"{', '.join(parts[1].classes)}"
        )
    training, test = (
        data.ArrayDataset(*next(part.batches([range(len(part))])), path.name, classes)
        for part in parts
    )
    return training, test


def fit_images(image: tuple[int, int, int], model: tuple[int, int, int]) -> Any:
    """What gives images the size a model takes: a frame around them if they are nearly as large."""
    (channels, *size), (model_channels, *model_size) = image, model
    if channels != model_channels:
        raise InputError(f"the model takes {model_channels} channels, the images have {channels}")
    if size == model_size:
        return None
    nearly = all(m / 2 < n <= m for n, m in zip(size, model_size, strict=True))
    return (data.transforms.PadTo if nearly else data.transforms.Resize)(
        (model_size[0], model_size[1])
    )


def check_parts(model: Any, training: data.ArrayDataset, test: data.ArrayDataset) -> None:
    """Refuse parts of different shapes, and more classes than the model tells apart."""
    if training.image_shape != test.image_shape:
        shapes = ["x".join(map(str, part.image_shape)) for part in (training, test)]
        raise InputError(
            f"the training images are {shapes[0]}, the test images {shapes[1]} "
            "(channels x height x width), expected the same"
        )
    most = max(training.num_classes, test.num_classes)
    if most > model.num_classes:
        raise InputError(f"the data has {most} classes, the model tells {model.num_classes} apart")


def check_writable(option: str, path: Path | None) -> None:
    """Refuse before the work what could not be saved after it."""
    if path is None:
        return
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{option}: {path} exists and is no file")
        with tempfile.TemporaryFile(dir=path.parent, prefix=path.name):
            pass
    except OSError as error:
        raise InputError(f"{option}: {path} cannot be written ({error.strerror})") from error


def load_model(path: Path, name: str | None = None) -> tuple[str, Module]:
    """The network whose weights lie in a file, a checkpoint or weights alone, and its name.

    It is recognised by the names and shapes of its parameters, if it is not named.
    """
    state = _read_weights(path)
    try:
        name = name or recipes.recognise(state)
        model = recipes.MODELS[name]()
        model.load_state_dict(state)
    except (ValueError, KeyError) as error:
        message = error.args[0] if error.args else error
        raise InputError(f"{path}: {message}") from error
    model.eval()
    return name, model


def _read_weights(path: Path) -> dict[str, Array]:
    try:
        arrays, metadata = io.load_with_metadata(path)
        return train.load_weights(path) if "minicnn checkpoint" in metadata.values() else arrays
    except ValueError as error:
        raise InputError(str(error)) from error

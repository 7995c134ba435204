"""The data sets, files and numbers that the user names, and the one error for unusable ones."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import data, io, train
from ..backend import Array
from ..nn import Module
from ..train import recipes
from ..train.checkpoint_file import is_checkpoint

DATA_HELP = (
    f"{', '.join(data.NAMES)}, a directory with IDX files, a directory with images in train/CLASS/ "
    "and test/CLASS/, or auto: MNIST if it is here or can be downloaded, otherwise the bundled "
    "digits (default: auto)"
)


class InputError(Exception):
    """Raised for user input that cannot be used; printed as one line."""


def make_number_type(kind: Callable[[str], Any], least: float) -> Callable[[str], Any]:
    """The argparse type of an option whose value is a finite number of ``least`` or more."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"got {text}, expected a number of {least} or more")
        return value

    parse.__name__ = kind.__name__  # argparse shows it: "invalid int value"
    return parse


def load_data(name: str, model: Any) -> tuple[str, tuple[data.ArrayDataset, data.ArrayDataset]]:
    """The name of the data and its training and test sets; pictures in the size of the model."""
    if name == "auto":
        try:
            return "mnist", data.load("mnist")
        except data.DataError:
            reason = "is damaged" if data.locate("mnist") else "could not be downloaded"
            print(
                f"minicnn: MNIST {reason}, using the bundled digits "
                "(minicnn train MODEL --data mnist shows why)",
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
            f"{path}: the classes of train are {', '.join(classes)}, but those of test are "
            f"{', '.join(parts[1].classes)}"
        )
    training, test = (
        data.ArrayDataset(*next(part.batches([range(len(part))])), path.name, classes)
        for part in parts
    )
    return training, test


def make_resize(image: tuple[int, int, int], model: tuple[int, int, int]) -> Any:
    """The transform from images to the input of a model, None if they have the same size.

    It pads images that are nearly as large, and resizes others.
    """
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
    """Raise InputError for parts of different shapes, and for more classes than the model has."""
    if training.image_shape != test.image_shape:
        shapes = ["x".join(map(str, part.image_shape)) for part in (training, test)]
        raise InputError(
            f"the training images are {shapes[0]}, the test images {shapes[1]} "
            "(channels x height x width), expected the same"
        )
    most = max(training.num_classes, test.num_classes)
    if most > model.num_classes:
        raise InputError(f"the data has {most} classes, the model only {model.num_classes}")


def load_model(path: Path, name: str | None = None) -> tuple[str, Module]:
    """The name of a network, and the network with the weights in a file or checkpoint.

    Without a name, it is recognised by the names and shapes of its parameters.
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
        arrays, metadata = io.load_with_metadata(path, "WEIGHTS")
        return train.load_weights(path) if is_checkpoint(metadata) else arrays
    except ValueError as error:
        raise InputError(str(error)) from error

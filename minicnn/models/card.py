"""The card of a trained network: all that is needed to use it again, in the file of its weights.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, whose sections on intended use
and fairness are for people to write.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import io
from .._version import __version__
from ..backend import Array
from ..checks import brief, check_integer, check_number
from ..data import read_image
from ..data.digit_photo import read_digit
from ..nn.init import skip_init
from .classifier import ImageClassifier, Shape
from .registry import MODELS, MOST_SIDE, options_of
from .shipped import shipped_names, shipped_path

KEY = "minicnn card"  # in the metadata of a file


@dataclass(frozen=True)
class ModelCard:
    """What a trained network is, and how it came to be; ``models.save`` stores it with the weights.

    model        its name, such as "lenet5"
    options      those that ``mc.models.lenet5(**options)`` was called with
    classes      the names of the classes, one for each score
    image_shape  (C, H, W) of the images it was trained on, before they were sized for it
    ink_box      the longer side of a digit in such an image, if they show ink on paper as MNIST's
                 do; None if they are pictures as they are
    data         the name of the data set, or its folder
    hold_out     the fraction of a folder without test/ that was kept for the test
    recipe, epochs, seed, accuracy (on the test images), made_with (versions): how it was trained

    Raises TypeError or ValueError for values that describe no network.

    >>> card = mc.models.ModelCard("lenet5", {"num_classes": 2}, ("cat", "dog"), (1, 28, 28))
    >>> card.build().num_classes
    2
    """

    model: str
    options: Mapping[str, Any]
    classes: tuple[str, ...]
    image_shape: Shape
    ink_box: int | None = None
    data: str = ""
    hold_out: float | None = None
    recipe: str = ""
    epochs: int | None = None
    seed: int | None = None
    accuracy: float | None = None
    made_with: str = f"minicnn {__version__}, NumPy {np.__version__}"

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model: got {self.model!r}, expected {', '.join(MODELS)}")
        if not isinstance(self.options, Mapping):
            raise TypeError(f"options: got {self.options!r}, expected numbers by name")
        if not _is_names(self.classes):
            raise TypeError(f"classes: got {self.classes!r}, expected a tuple of names")
        shape = self.image_shape
        if not (len(shape) == 3 and all(type(n) is int and 0 < n <= MOST_SIDE for n in shape)):
            raise ValueError(
                f"image_shape: got {shape!r}, expected three sizes (C, H, W) of at most {MOST_SIDE}"
            )
        if self.ink_box is not None:
            check_integer("ink_box", self.ink_box, least=1, most=min(shape[1:]))
        for name in ("data", "recipe", "made_with"):
            if not isinstance(value := getattr(self, name), str):
                raise TypeError(f"{name}: got {brief(value)}, expected text")
        for name in ("epochs", "seed"):
            if (value := getattr(self, name)) is not None:
                check_integer(name, value, least=0)
        for name in ("hold_out", "accuracy"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, "a number from 0 to 1")

    def build(self) -> ImageClassifier:
        """A new network like this one, with random weights."""
        return MODELS[self.model](**self.options)

    def read(self, path: str | os.PathLike[str]) -> NDArray[np.float32]:
        """A picture from a file as an image like those that the network was trained on: (C, H, W).

        Ink on paper is cut out and centred as MNIST's digits were; other pictures are cropped to
        the aspect ratio and scaled. Raises DataError for a file that cannot be read.
        """
        channels, height, width = self.image_shape
        if self.ink_box is not None:
            return read_digit(path, height, self.ink_box)[None]
        return read_image(path, (height, width), channels)


def save(path: str | os.PathLike[str], model: ImageClassifier, card: ModelCard) -> None:
    """Write a network with its card, for ``models.load`` and the commands of minicnn.

    The file is one of safetensors, which ``mc.load`` reads too. Raises OSError, naming the path, if
    it cannot be written, TypeError or ValueError for an invalid path.

    >>> card = mc.models.ModelCard("lenet5", {}, tuple("0123456789"), (1, 28, 28), accuracy=0.1)
    >>> mc.models.save("random.safetensors", mc.models.lenet5(), card)
    >>> model, card = mc.models.load("random.safetensors")
    >>> card.accuracy
    0.1
    """
    io.save_arrays("models.save", path, model.state_dict(), to_metadata(card))


def load(path: str | os.PathLike[str]) -> tuple[ImageClassifier, ModelCard]:
    """A trained network, in evaluation mode, and its card: from a file, or by a name that is known.

    path: a file that ``models.save`` or ``minicnn train`` wrote, or "lenet5-mnist" and
    "lenet5-digits", which come with minicnn. Raises OSError, naming the path, if the file cannot be
    read, ValueError for one without a card, TypeError or ValueError for an invalid path.

    >>> model, card = mc.models.load("lenet5-digits")
    >>> card.data, card.recipe, card.classes[3]
    ('digits', 'course', '3')
    """
    if isinstance(path, str) and not os.path.exists(path):
        path = shipped_path(path) or path
    state, metadata = io.load_with_metadata(path, "models.load")
    card = from_metadata(metadata, os.fspath(path))
    if card is None:
        raise ValueError(
            f"{os.fspath(path)}: has no card that says which model it is; build the model and use "
            "model.load_state_dict(mc.load(path))"
        )
    return load_weights(card, state, os.fspath(path)), card


def load_weights(card: ModelCard, state: Mapping[str, Array], name: str) -> ImageClassifier:
    """The network of a card, with these weights. Raises ValueError, naming the file, if not its."""
    values = sum(array.size for array in state.values())
    if any(type(value) is int and value > values for value in card.options.values()):
        raise ValueError(f"{name}: the card asks for a network that the weights do not fill")
    try:
        with skip_init():
            model = card.build()
        model.load_state_dict(dict(state))
    except MemoryError as error:
        raise MemoryError(f"{name}: {error}") from error
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{name}: {error.args[0] if error.args else error}") from error
    if len(card.classes) > model.num_classes:
        raise ValueError(
            f"{name}: the card names {len(card.classes)} classes, the network has "
            f"{model.num_classes}"
        )
    model.eval()
    return model


def card_for(model: str, state: Mapping[str, Array]) -> ModelCard:
    """A card for weights of other programs, from which only the shapes are known."""
    options = options_of(model, state)
    built = MODELS[model](**options)
    classes = tuple(map(str, range(built.num_classes)))
    is_digits = built.input_shape[0] == 1 and built.num_classes == 10
    if is_digits:
        return ModelCard(model, options, classes, (1, 28, 28), ink_box=20)
    return ModelCard(model, options, classes, built.input_shape)


def to_metadata(card: ModelCard) -> dict[str, str]:
    """The card as text, for the metadata of a safetensors file."""
    return {KEY: json.dumps(asdict(card))}


def from_metadata(metadata: Mapping[str, str], name: str) -> ModelCard | None:
    """The card in the metadata of a file, None if it has none. Raises ValueError if it is wrong."""
    if KEY not in metadata:
        return None
    try:
        values = json.loads(metadata[KEY])
        known = {field.name for field in fields(ModelCard)}
        values = {key: value for key, value in values.items() if key in known}  # later versions'
        values["classes"] = tuple(values["classes"])
        values["image_shape"] = tuple(values["image_shape"])
        return ModelCard(**values)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name}: its card cannot be used ({error})") from error


def unknown_file(name: str) -> str:
    """What to say when neither a file nor a name that comes with minicnn is given."""
    return f"there is no such file, and minicnn comes with {', '.join(shipped_names())}"


def _is_names(classes: Any) -> bool:
    return isinstance(classes, tuple) and all(isinstance(name, str) for name in classes)

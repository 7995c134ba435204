"""What a page holds besides the layers: names and facts, sample images, digits to train on."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .. import data
from ..checks import check_integer
from ..data import ArrayDataset
from ..data.catalog import look_up
from ..data.transforms import PadTo, Resize
from ..models import ModelCard
from ..models.classifier import count
from ..nn import Module
from ..train import Snapshots
from .describe import describe_layers, describe_sizing
from .layers import Layer, PageError, Shape
from .pack import pack, pack_bytes
from .snapshots import describe_snapshots

MOST_SAMPLES = 20
MOST_PARAMETERS = 20_000_000  # a page of 107 MB; browsers take long to open larger ones


def collect(
    model: Module,
    card: ModelCard | None,
    dataset: ArrayDataset | None,
    ink_box: int | None,
    snapshots: Snapshots | None,
) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it. Raises as ``page.write`` does."""
    _check_types(
        model=(model, Module), card=(card, ModelCard), dataset=(dataset, ArrayDataset),
        snapshots=(snapshots, Snapshots),
    )  # fmt: skip
    image_shape = _image_shape(model, card, dataset)
    _check_channels(image_shape)
    input_shape = getattr(model, "input_shape", image_shape)
    _check_size(model)
    layers = describe_layers(model, input_shape)
    layers = [*describe_sizing(model, image_shape), *layers]
    _check_scores(layers[-1])
    ink_box = _ink_box(card, dataset, ink_box, image_shape)
    return {
        "title": card.model if card else type(model).__name__,
        "facts": _facts(model, card),
        "layers": layers,
        "imageShape": list(image_shape),
        "inkBox": ink_box,
        "classes": _class_names(card, dataset, layers[-1]["shape"][0]),
        "samples": _samples(dataset or _digits_like(image_shape, ink_box), image_shape),
        "digits": _digits(),
        "snapshots": describe_snapshots(model, input_shape, snapshots),
    }


def _check_scores(last: Layer) -> None:
    where = f"{last['name']} ({last['type']})"
    if len(last["shape"]) != 1:
        raise PageError(
            f"{where}: its output has shape {tuple(last['shape'])}, expected one score for each "
            "class at the end"
        )
    if last["shape"][0] < 2:
        raise PageError(
            f"{where}: gives one number, the page compares the scores of two classes or more"
        )


def _ink_box(
    card: ModelCard | None, dataset: ArrayDataset | None, given: int | None, image_shape: Shape
) -> int | None:
    """The given ink box, or else that of the card or of a known data set."""
    found = card.ink_box if card else _known_ink_box(dataset)
    if given is not None:
        found = check_integer("page: ink_box", given, least=1, most=min(image_shape[1:]))
    if found is not None and image_shape != (1, image_shape[1], image_shape[1]):
        raise PageError(
            f"ink_box: is for grey square images (1, H, H), those of this network are {image_shape}"
        )
    return found


def _check_types(**arguments: tuple[Any, type]) -> None:
    """Raise TypeError for an argument of the wrong type, such as a data set passed as the card."""
    for name, (value, kind) in arguments.items():
        if not isinstance(value, kind) and (value is not None or name == "model"):
            raise TypeError(f"page: {name}: got {type(value).__name__}, expected {kind.__name__}")


def _check_size(model: Module) -> None:
    parameters = sum(parameter.size for parameter in model.parameters())
    if parameters > MOST_PARAMETERS:
        raise PageError(
            f"{type(model).__name__}: has {parameters:,} parameters, the page shows networks of at "
            f"most {MOST_PARAMETERS:,}"
        )


def _image_shape(model: Module, card: ModelCard | None, dataset: ArrayDataset | None) -> Shape:
    if card is not None:
        return card.image_shape
    if dataset is not None:
        return dataset.image_shape
    if hasattr(model, "input_shape"):
        return tuple(model.input_shape)
    raise PageError(
        f"{type(model).__name__}: does not say how large an image is; pass a dataset of images, or "
        "set model.input_shape = (C, H, W)"
    )


def _check_channels(image_shape: Shape) -> None:
    if image_shape[0] not in (1, 3):
        raise PageError(
            f"image shape {image_shape}: has {image_shape[0]} channels, one draws on the page in "
            "grey (1 channel) or in colours (3)"
        )


def _facts(model: Module, card: ModelCard | None) -> str:
    facts = [count(sum(parameter.size for parameter in model.parameters()), "parameter")]
    if card and card.data:
        facts.append(f"trained on {card.data}")
    elif card and card.recipe:
        facts.append(card.recipe)
    if card and card.accuracy is not None:
        facts.append(f"{card.accuracy:.2%} of the test images right")
    return ", ".join(facts)


def _known_ink_box(dataset: ArrayDataset | None) -> int | None:
    """The ink box of a data set that ``data.load`` has read: its name is then like "mnist test"."""
    name = dataset.name.split()[0] if dataset is not None and dataset.name else ""
    return look_up(name).ink_box if name in data.NAMES else None


def _class_names(card: ModelCard | None, dataset: ArrayDataset | None, number: int) -> list[str]:
    names = card.classes if card else (dataset.classes if dataset is not None else None) or ()
    if len(names) > number:
        raise PageError(f"the network has {number} scores, too few for {len(names)} classes")
    return [*names, *map(str, range(len(names), number))]


def _samples(dataset: ArrayDataset | None, image_shape: Shape) -> list[dict[str, Any]]:
    """One image of each class."""
    if dataset is None:
        return []
    if dataset.image_shape != image_shape:
        raise PageError(
            f"dataset: has images of shape {dataset.image_shape}, the network was trained on "
            f"{image_shape}"
        )
    labels = np.asarray(dataset.labels)
    wanted = range(min(dataset.num_classes, MOST_SAMPLES))
    places = [found[0] for k in wanted if len(found := np.flatnonzero(labels == k))]
    names = dataset.classes or tuple(map(str, range(dataset.num_classes)))
    images, chosen = dataset[places]
    return [
        {"name": names[label], **_pack_image(image)}
        for image, label in zip(images, chosen, strict=True)
    ]


def _pack_image(image: Any) -> dict[str, Any]:
    """An image as bytes, or as float32 numbers if some of them are not from 0 to 1."""
    if image.min() >= 0 and image.max() <= 1:
        return {"bytes": pack_bytes(image)}
    return {"image": pack(image)}


def _digits_like(image_shape: Shape, ink_box: int | None) -> ArrayDataset | None:
    """The bundled digits in the size of other images of ink; None if the images show no ink."""
    if ink_box is None:
        return None
    test = data.load("digits", "test")
    _, first_of_each = np.unique(test.labels, return_index=True)
    images, labels = test[first_of_each]
    scaled = PadTo((image_shape[1], image_shape[2]))(Resize(ink_box)(images))
    return ArrayDataset(scaled, labels, "digits", tuple("0123456789"))


@lru_cache(maxsize=1)
def _digits() -> dict[str, Any]:
    """The bundled digits, for the network that is trained on the page."""
    parts = {}
    for part in ("train", "test"):
        images, labels = data.load("digits", part)[:]
        parts[part] = {"images": pack_bytes(images), "labels": [int(label) for label in labels]}
    return parts

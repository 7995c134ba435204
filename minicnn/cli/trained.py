"""The commands that use a trained network: ``minicnn evaluate``, ``predict`` and ``export``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import data
from ..autograd import Tensor, no_grad
from ..backend import Array, resolve_device
from ..io import check_writable
from ..models import MODELS, ImageClassifier, ModelCard
from ..models.shipped import shipped_names
from ..ops import softmax
from ..text_table import printable, text_table
from ..train import confusion_matrix, report
from .descriptions import DATA_LINES, examples, lines
from .inputs import InputError, file_path, load_network
from .sources import find_source, in_the_order_of

MOST_MISTAKES = 100
PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")


def add_trained(commands: Any) -> None:
    """Add these commands and their options to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="test a trained network, class by class",
        description="Test a trained network: accuracy, confusion matrix, recall and precision.\n\n"
        + lines("data", {k: v for k, v in DATA_LINES.items() if k != "auto"}),
        epilog=examples("evaluate lenet5", "evaluate run.ckpt --mistakes wrong.png"),
    )
    _add_weights(command)
    command.add_argument("--data", metavar="NAME|DIR", help="default: what it was trained on")
    command.add_argument(
        "--mistakes",
        type=file_path,
        metavar="PATH",
        help="draw the misclassified images to this file",
    )
    command.set_defaults(run=_evaluate)
    command = commands.add_parser(
        "predict",
        help="tell which class pictures belong to",
        description="Tell the three likeliest classes of each picture.",
        epilog=examples("predict lenet5 photo.jpg", "predict lenet5 *.png --show seen.png"),
    )
    _add_weights(command)
    command.add_argument("images", nargs="+", metavar="IMAGE", help="PNG, JPEG, ...")
    command.add_argument(
        "--show", type=file_path, metavar="PATH",
        help="draw what the network saw, and its answers, to this file",
    )  # fmt: skip
    command.set_defaults(run=_predict)
    command = commands.add_parser(
        "export",
        help="write a trained network as an ONNX file",
        description="Write a trained network as an ONNX graph, which other programs run.",
        epilog=examples("export lenet5 lenet5.onnx"),
    )
    _add_weights(command)
    command.add_argument("target", type=file_path, metavar="MODEL.onnx")
    command.set_defaults(run=_export)


def _add_weights(command: Any) -> None:
    command.add_argument(
        "weights", metavar="WEIGHTS",
        help="a file of weights or a checkpoint from train, or what comes with minicnn: lenet5 (or "
        f"{', '.join(shipped_names())})",
    )  # fmt: skip
    command.add_argument(
        "--model", choices=MODELS, metavar="NAME",
        help="for a file that does not say which model it holds",
    )  # fmt: skip


def _evaluate(options: argparse.Namespace) -> None:
    draw = _load_drawing("--mistakes", options.mistakes, "mistakes")
    model, card = load_network(options.weights, options.model)
    name, test = _find_test(options, model, card)
    images, labels = test[:]
    probabilities = _predict_probabilities(model, images)  # (N, K)
    predictions = probabilities.argmax(1)
    wrong = int((predictions != labels).sum())
    print(f"{card.model} on the {len(labels):,} test images of {name}")
    print(f"accuracy {(len(labels) - wrong) / len(labels):.2%} ({wrong:,} wrong)\n")
    names = list(test.classes or map(str, range(test.num_classes)))
    names += map(str, range(len(names), probabilities.shape[1]))  # the model may have more classes
    shown = max(test.num_classes, 1 + int(predictions.max()))
    print(report(confusion_matrix(labels, predictions, shown), names[:shown]))
    if draw and wrong:
        draw(images, labels, probabilities, names, MOST_MISTAKES).savefig(options.mistakes)
        print(f"\n{min(wrong, MOST_MISTAKES)} of {wrong} mistakes are drawn in {options.mistakes}")


def _find_test(
    options: argparse.Namespace, model: ImageClassifier, card: ModelCard
) -> tuple[str, data.ArrayDataset]:
    """The test images of the data that are named, or that the network was trained on."""
    name = options.data or card.data
    if not name:
        raise InputError(f"{options.weights}: does not say what it was trained on; add --data")
    if not options.data and name not in data.NAMES and not Path(name).exists():
        raise InputError(f"{options.weights}: was trained on {name}, which is not here; add --data")
    source = find_source(name)
    channels = model.input_shape[0]
    if not source.is_pictures and source.image_shape[0] != channels:
        raise InputError(
            f"{card.model} takes images of {channels} channel{'s' * (channels > 1)}, "
            f"{source.name} has {source.image_shape[0]}"
        )
    shape = (channels, *card.image_shape[1:])
    is_own = not options.data or (card.data and Path(name).resolve() == Path(card.data).resolve())
    test = source.load_test(shape, card.hold_out if is_own else None)
    if not card.data and len(source.classes) <= model.num_classes:
        card = replace(card, classes=source.classes)  # only the data tells their names
    return source.name, in_the_order_of(card.classes, test)


def _load_drawing(option: str, path: Path | None, name: str) -> Callable[..., Any] | None:
    """A function of viz; fails early if it could not draw to this path."""
    if path is None:
        return None
    check_writable(option, path)
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{option}: {path}: expected a name that ends in {', '.join(PICTURES)}")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where it has no cache
    try:
        from .. import viz  # imports matplotlib, an extra
    except ImportError as error:
        raise InputError(f"{option}: {error}") from error
    draw: Callable[..., Any] = getattr(viz, name)
    return draw


def _predict(options: argparse.Namespace) -> int:
    draw = _load_drawing("--show", options.show, "predictions")
    model, card = load_network(options.weights, options.model)
    images, paths, wrong = [], [], []
    for path in options.images:
        try:
            images.append(card.read(path))
            paths.append(path)
        except data.DataError as error:
            wrong.append(str(error))
    if paths:
        seen = model.as_input(np.stack(images))  # (N, C, H, W)
        probabilities = _predict_probabilities(model, np.stack(images))  # (N, K)
        names = [*card.classes, *map(str, range(len(card.classes), probabilities.shape[1]))]
        likeliest = np.argsort(-probabilities, 1)[:, :3]
        print(
            text_table(
                [path, *(f"{names[k]}: {row[k]:6.2%}" for k in best)]
                for path, row, best in zip(paths, probabilities, likeliest, strict=True)
            )
        )
        if draw:
            draw(seen, probabilities, names, paths).savefig(options.show)
            print(f"drawn in {options.show}")
    for message in wrong:
        print(f"minicnn: {printable(message)}", file=sys.stderr)
    return 2 if wrong else 0


def _export(options: argparse.Namespace) -> None:
    from ..export import export_onnx  # needs onnx, an extra

    check_writable("MODEL.onnx", options.target)
    model, card = load_network(options.weights, options.model)
    try:
        export_onnx(model, options.target)
    except ImportError as error:
        raise InputError(str(error)) from error
    print(f"{card.model} written to {options.target}")


def _predict_probabilities(model: ImageClassifier, images: Array) -> Any:
    """The probabilities (N, K) that the network predicts for images (N, C, H, W) of any size."""
    parts, device = [], resolve_device()
    with no_grad():
        for start in range(0, len(images), 512):
            x = model.as_input(images[start : start + 512])
            parts.append(softmax(model(Tensor(x).to(device))).numpy())
    probabilities = np.concatenate(parts)
    if not np.isfinite(probabilities).all():
        raise InputError("the network's outputs are NaN or infinite: its weights are too large")
    return probabilities

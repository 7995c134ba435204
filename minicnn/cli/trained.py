"""The commands that use a trained network: ``minicnn evaluate``, ``predict`` and ``export``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd import Tensor, no_grad
from ..data.digit_photo import read_digit
from ..io import check_writable
from ..ops import softmax
from ..text_table import text_table
from ..train import confusion_matrix, report
from ..train.recipes import MODELS, RECIPES
from .inputs import DATA_HELP, InputError, load_data, load_model, make_resize

MOST_MISTAKES = 100
PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")


def add_trained(commands: Any) -> None:
    """Add these commands and their options to the parser."""
    command = commands.add_parser("evaluate", help="test a trained network, class by class")
    _add_weights(command)
    command.add_argument("--data", default="auto", metavar="NAME|DIR", help=DATA_HELP)
    command.add_argument(
        "--mistakes", type=Path, metavar="PATH", help="draw the misclassified images to this file"
    )
    command.set_defaults(run=_evaluate)
    command = commands.add_parser("predict", help="tell which digits images show")
    _add_weights(command)
    command.add_argument("images", nargs="+", metavar="IMAGE", help="PNG, JPEG, ...")
    command.set_defaults(run=_predict)
    command = commands.add_parser("export", help="write a trained network as an ONNX file")
    _add_weights(command)
    command.add_argument("target", type=Path, metavar="MODEL.onnx")
    command.set_defaults(run=_export)


def _add_weights(command: Any) -> None:
    command.add_argument(
        "weights", type=Path, metavar="WEIGHTS", help="a file of weights or a checkpoint from train"
    )
    command.add_argument("--model", choices=MODELS, help="default: recognised by the parameters")


def _evaluate(options: argparse.Namespace) -> None:
    if options.mistakes:
        check_writable("--mistakes", options.mistakes)
    draw = _load_drawing(options.mistakes) if options.mistakes else None
    name, model, prepare = _load(options)
    data_name, (_, test) = load_data(options.data, model)
    resize = make_resize(test.image_shape, model.input_shape)
    images, labels = test[:]
    probabilities = _predict_probabilities(model, [resize, prepare], images)  # (N, K)
    predictions = probabilities.argmax(1)
    wrong = int((predictions != labels).sum())
    print(f"{name} on the {len(labels):,} test images of {data_name}")
    print(f"accuracy {(len(labels) - wrong) / len(labels):.2%} ({wrong:,} wrong)\n")
    names = list(test.classes or map(str, range(test.num_classes)))
    names += map(str, range(len(names), probabilities.shape[1]))  # the model may have more classes
    shown = max(test.num_classes, 1 + int(predictions.max()))
    print(report(confusion_matrix(labels, predictions, shown), names[:shown]))
    if draw and wrong:
        draw(images, labels, probabilities, names, MOST_MISTAKES).savefig(options.mistakes)
        print(f"\n{min(wrong, MOST_MISTAKES)} of {wrong} mistakes are drawn in {options.mistakes}")


def _load_drawing(path: Path) -> Callable[..., Any]:
    """``viz.mistakes``; fails early if it could not draw to this path."""
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"--mistakes: {path}: expected a name that ends in {', '.join(PICTURES)}")
    try:
        from ..viz import mistakes  # imports matplotlib, an extra
    except ImportError as error:
        raise InputError(f"--mistakes: {error}") from error
    return mistakes


def _predict(options: argparse.Namespace) -> None:
    _, model, prepare = _load(options)
    digits = np.stack([read_digit(path) for path in options.images])[:, None]  # (N, 1, 28, 28)
    resize = make_resize((1, 28, 28), model.input_shape)
    probabilities = _predict_probabilities(model, [resize, prepare], digits)  # (N, K)
    print(
        text_table(
            [path, *(f"{i}: {row[i]:6.2%}" for i in np.argsort(-row)[:3])]
            for path, row in zip(options.images, probabilities, strict=True)
        )
    )


def _export(options: argparse.Namespace) -> None:
    from ..export import export_onnx  # needs onnx, an extra

    check_writable("MODEL.onnx", options.target)
    name, model, _ = _load(options)
    try:
        export_onnx(model, options.target)
    except ImportError as error:
        raise InputError(str(error)) from error
    print(f"{name} written to {options.target}")


def _load(options: argparse.Namespace) -> tuple[str, Any, Any]:
    """The name of the network, the network, and the transform that prepares its images."""
    name, model = load_model(options.weights, options.model)
    recipes = RECIPES.get(name)
    return name, model, next(iter(recipes.values())).prepare if recipes else None


def _predict_probabilities(model: Any, steps: list[Any], images: Any) -> Any:
    """The probabilities (N, K) that the network predicts for images (N, C, H, W)."""
    parts = []
    with no_grad():
        for start in range(0, len(images), 512):
            x = images[start : start + 512]
            for step in steps:
                x = x if step is None else step(x)
            parts.append(softmax(model(Tensor(x))).numpy())
    return np.concatenate(parts)

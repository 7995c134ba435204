"""What one does with a trained network: ``minicnn evaluate``, ``predict`` and ``export``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd import Tensor, no_grad
from ..data.digit_photo import read_digit
from ..ops import softmax
from ..train.recipes import MODELS, RECIPES
from ..train.report import confusion_matrix, report
from .inputs import DATA_HELP, InputError, check_writable, fit_images, load_data, load_model

MOST_MISTAKES = 100
PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")


def add_trained(commands: Any) -> None:
    """The commands and their options."""
    command = commands.add_parser("evaluate", help="test a trained network, class by class")
    _add_weights(command)
    command.add_argument("--data", default="auto", metavar="NAME|DIR", help=DATA_HELP)
    command.add_argument(
        "--mistakes", type=Path, metavar="PATH", help="a picture of the images it got wrong"
    )
    command.set_defaults(run=_evaluate)
    command = commands.add_parser("predict", help="which digit does an image show?")
    _add_weights(command)
    command.add_argument("images", nargs="+", metavar="IMAGE", help="PNG, JPEG, ...")
    command.set_defaults(run=_predict)
    command = commands.add_parser("export", help="write a trained network as an ONNX file")
    _add_weights(command)
    command.add_argument("target", type=Path, metavar="MODEL.onnx")
    command.set_defaults(run=_export)


def _add_weights(command: Any) -> None:
    command.add_argument(
        "weights", type=Path, metavar="WEIGHTS", help="what train saved, a checkpoint too"
    )
    command.add_argument(
        "--model", choices=MODELS, help="default: the one whose parameters they are"
    )


def _evaluate(options: argparse.Namespace) -> None:
    check_writable("--mistakes", options.mistakes)
    draw = _drawing(options.mistakes) if options.mistakes else None
    name, model, prepare = _loaded(options)
    data_name, (_, test) = load_data(options.data, model)
    fitting = fit_images(test.image_shape, model.input_shape)
    images, labels = test[:]
    chances = _probabilities(model, [fitting, prepare], images)  # (N, K)
    guesses = chances.argmax(1)
    right = int((guesses == labels).sum())
    print(f"{name} on the {len(labels):,} test images of {data_name}")
    print(f"accuracy {right / len(labels):.2%} ({len(labels) - right:,} wrong)\n")
    names = list(test.classes or map(str, range(test.num_classes)))
    names += map(str, range(len(names), chances.shape[1]))  # the model may tell more apart
    shown = max(test.num_classes, 1 + int(guesses.max()))
    print(report(confusion_matrix(labels, guesses, shown), names[:shown]))
    wrong = len(labels) - right
    if draw and wrong:
        draw(images, labels, chances, names, MOST_MISTAKES).savefig(options.mistakes)
        print(f"\n{min(wrong, MOST_MISTAKES)} of {wrong} mistakes are drawn in {options.mistakes}")


def _drawing(path: Path) -> Callable[..., Any]:
    """``viz.mistakes``. Refuses, before the work, what could not be drawn after it."""
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"--mistakes: {path}: expected a name that ends in {', '.join(PICTURES)}")
    try:
        from ..viz import mistakes  # only those who draw pay for the import
    except ImportError as error:
        raise InputError(f"--mistakes: {error}") from error
    return mistakes


def _predict(options: argparse.Namespace) -> None:
    _, model, prepare = _loaded(options)
    digits = np.stack([read_digit(path) for path in options.images])[:, None]  # (N, 1, 28, 28)
    fitting = fit_images((1, 28, 28), model.input_shape)
    width = max(len(path) for path in options.images)
    for path, row in zip(
        options.images, _probabilities(model, [fitting, prepare], digits), strict=True
    ):
        best = np.argsort(-row)[:3]
        print(f"{path:{width}}  " + "  ".join(f"{i}: {row[i]:6.2%}" for i in best))


def _export(options: argparse.Namespace) -> None:
    from ..export import export_onnx  # only those who export pay for the import

    check_writable("MODEL.onnx", options.target)
    name, model, _ = _loaded(options)
    try:
        export_onnx(model, options.target)
    except ImportError as error:
        raise InputError(str(error)) from error
    print(f"{name} written to {options.target}")


def _loaded(options: argparse.Namespace) -> tuple[str, Any, Any]:
    """The name of the network, the network, and what its images are prepared with."""
    name, model = load_model(options.weights, options.model)
    recipes = RECIPES.get(name)
    return name, model, next(iter(recipes.values())).prepare if recipes else None


def _probabilities(model: Any, steps: list[Any], images: Any) -> Any:
    """The probabilities (N, K) that the network gives for images (N, C, H, W)."""
    parts = []
    with no_grad():
        for start in range(0, len(images), 512):
            x = images[start : start + 512]
            for step in steps:
                x = x if step is None else step(x)
            parts.append(softmax(model(Tensor(x))).numpy())
    return np.concatenate(parts)

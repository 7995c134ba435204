"""The options of ``minicnn train``, and the recipe that they change."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..train.recipe import OPTIMIZERS, Recipe
from ..train.recipes import RECIPES
from .descriptions import DATA_LINES, MODEL_LINES, RECIPE_LINES, examples, lines
from .inputs import InputError, file_path, make_number_type
from .sources import TEST_FRACTION


def add_train_command(commands: Any) -> argparse.ArgumentParser:
    """The parser of this command with all its options."""
    recipes = {model: " or ".join(named) for model, named in RECIPES.items()}
    models_and_recipes = {m: f"{line} ({recipes[m]})" for m, line in MODEL_LINES.items()}
    command = commands.add_parser(
        "train",
        help="train a network and test it",
        description="\n\n".join(
            [
                "Train a network by a recipe, test it, and save it.",
                lines("models, and their recipes", models_and_recipes),
                lines("recipes", RECIPE_LINES),
                lines("data", DATA_LINES),
            ]
        ),
        epilog=examples(
            "train lenet5",
            "train lenet5 --recipe best --data mnist --device native",
            "train scaled_alexnet --data cifar10 --hold-out 0.1",
            "train lenet5 --data my_pictures/ --epochs 30",
            "train lenet5 --checkpoint run.ckpt       Ctrl-C, and then",
            "train lenet5 --checkpoint run.ckpt --resume run.ckpt",
        ),
    )
    command.add_argument("model", choices=RECIPES, metavar="MODEL", help="one of those above")
    _add_data_options(command.add_argument_group("data"))
    _add_recipe_options(command.add_argument_group("training"))
    _add_device_options(command.add_argument_group("device"))
    _add_file_options(command.add_argument_group("files"))
    parser: argparse.ArgumentParser = command
    return parser


def _add_data_options(group: Any) -> None:
    group.add_argument("--data", default="auto", metavar="NAME|DIR", help="default: auto")
    group.add_argument(
        "--hold-out", type=make_number_type(float, 0, below=1), metavar="FRACTION",
        help="choose the epoch by this part of the training images, and touch the test images once "
        "at the end (default: the recipe's, 0 for none); of pictures that are in no train/ and "
        f"test/: the part to test with (default: {TEST_FRACTION})",
    )  # fmt: skip


def _add_recipe_options(group: Any) -> None:
    count = make_number_type(int, 1)
    rates = ", ".join(f"{name} {build.keywords['lr']}" for name, build in OPTIMIZERS.items())
    group.add_argument("--recipe", metavar="NAME", help="default: the first of the model")
    group.add_argument("--epochs", type=count, metavar="N", help="default: the recipe's")
    group.add_argument(
        "--batch-size", type=count, metavar="N", help="default: the recipe's; digits: 32"
    )
    group.add_argument(
        "--optimizer", choices=OPTIMIZERS, metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)} (default: the recipe's)",
    )  # fmt: skip
    group.add_argument(
        "--lr", type=make_number_type(float, 0), metavar="X",
        help=f"the learning rate (default: the recipe's, or {rates})",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=make_number_type(int, 0), default=0, metavar="N", help="default: 0"
    )
    group.add_argument(
        "--check", action="store_true",
        help="look for the usual mistakes on one batch first, and train only if none is found",
    )  # fmt: skip


def _add_device_options(group: Any) -> None:
    group.add_argument(
        "--device", metavar="NAME",
        help='cpu, native, cuda, cuda:1, ...; minicnn devices shows them (default: $MINICNN_DEVICE '
        "or cpu)",
    )  # fmt: skip
    group.add_argument(
        "--graph", action="store_true",
        help="on a GPU: replay each step from a CUDA graph, which is faster for small networks; "
        "native does the like unasked",
    )  # fmt: skip


def _add_file_options(group: Any) -> None:
    group.add_argument(
        "--weights", type=file_path, metavar="PATH",
        help="save the trained network here (default: MODEL-DATA-RECIPE.safetensors)",
    )  # fmt: skip
    group.add_argument("--no-weights", action="store_true", help="do not save the trained network")
    group.add_argument(
        "--checkpoint", type=file_path, metavar="PATH",
        help="write a resumable checkpoint after every epoch",
    )  # fmt: skip
    group.add_argument(
        "--resume", type=Path, metavar="PATH",
        help="continue from a checkpoint, with the same options",
    )  # fmt: skip
    group.add_argument(
        "--log", type=file_path, metavar="PATH", help="write a CSV file with a row per epoch"
    )


def choose_recipe(options: argparse.Namespace) -> tuple[str, Recipe]:
    named = RECIPES[options.model]
    name = options.recipe or next(iter(named))
    if name not in named:
        raise InputError(
            f"--recipe: {options.model} has no recipe {options.recipe!r}, but {', '.join(named)}"
        )
    return name, named[name]


def describe_recipe(name: str, options: argparse.Namespace) -> str:
    """The recipe with the options that change it, as they are written."""
    given = {
        n: getattr(options, n) for n in ("epochs", "batch_size", "optimizer", "lr", "hold_out")
    }
    changes = [f"--{n.replace('_', '-')} {v}" for n, v in given.items() if v is not None]
    return " ".join([name, *changes])


def override(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """The recipe with the values that the options give."""
    names = ("epochs", "batch_size", "lr")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if options.optimizer:
        # The recipe's learning rate belongs to the recipe's optimizer.
        given = {"lr": None, **given, "optimizer": OPTIMIZERS[options.optimizer]}
    return replace(recipe, **given)

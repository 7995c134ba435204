"""``minicnn train``: a recipe, perhaps changed by options, carried out on a data set."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import backend, data, io, train
from ..backend.random import manual_seed
from ..data.transforms import Compose
from ..train.recipes import MODELS, OPTIMIZERS, RECIPES, Recipe
from .inputs import (
    DATA_HELP,
    InputError,
    check_parts,
    check_writable,
    fit_images,
    load_data,
    number,
)


def add_train(commands: Any) -> None:
    """The command and its options."""
    command = commands.add_parser("train", help="train a network and test it")
    command.add_argument("model", choices=RECIPES)
    names = "; ".join(f"{model}: {', '.join(named)}" for model, named in RECIPES.items())
    command.add_argument("--recipe", metavar="NAME", help=f"{names} (default: the first)")
    command.add_argument("--data", default="auto", metavar="NAME|DIR", help=DATA_HELP)
    whole = number(int, 1)
    command.add_argument("--epochs", type=whole, help="default: the recipe's")
    command.add_argument("--batch-size", type=whole, help="default: the recipe's; digits: 32")
    command.add_argument("--optimizer", choices=OPTIMIZERS, help="default: the recipe's")
    rates = ", ".join(f"{name} {options['lr']}" for name, (_, options) in OPTIMIZERS.items())
    command.add_argument("--lr", type=number(float, 0), help=f"default: the recipe's, or {rates}")
    command.add_argument("--seed", type=number(int, 0), default=0, help="default: 0")
    command.add_argument("--device", help='default: $MINICNN_DEVICE or "cpu"')
    command.add_argument(
        "--weights", type=Path, metavar="PATH", help="save the trained weights (safetensors)"
    )
    command.add_argument(
        "--checkpoint", type=Path, metavar="PATH", help="after each epoch save all to go on from"
    )
    command.add_argument(
        "--resume", type=Path, metavar="PATH", help="go on from such a file, with the same options"
    )
    command.add_argument("--log", type=Path, metavar="PATH", help="a CSV file, a row per epoch")
    command.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    device = backend.resolve_device(options.device)
    for option in ("weights", "checkpoint", "log"):
        check_writable(f"--{option}", getattr(options, option))
    if options.resume and options.lr is not None:
        raise InputError("--lr: the checkpoint to resume has the learning rate")
    recipe = _recipe(options)
    manual_seed(options.seed)
    model: Any = MODELS[options.model]()
    name, (training, test) = load_data(options.data, model)
    recipe = _changed(recipe.on(name), options)
    check_parts(model, training, test)
    fitting = fit_images(training.image_shape, model.input_shape)
    batches, test_batches = _loaders(recipe, options.seed, training, test, fitting)
    print(
        f"{options.model}, {sum(p.size for p in model.parameters()):,} parameters, on {name}: "
        f"{len(training):,} training and {len(test):,} test images"
        f"{f', {fitting}' if fitting else ''}"
    )
    optimizer = recipe.build_optimizer(model)
    callbacks = recipe.callbacks(optimizer, batches)
    trainer = train.Trainer(
        model,
        optimizer,
        loss=recipe.loss,
        device=device,
        callbacks=[train.ProgressBar(), *callbacks, *_writers(options)],
    )
    try:
        history = trainer.fit(batches, recipe.epochs, test_batches, resume=options.resume)
    except train.CheckpointError as error:
        raise InputError(str(error)) from error
    accuracy = history["val_accuracy"][-1]
    right = round(accuracy * len(test))
    print(f"test accuracy {accuracy:.2%} ({right:,} of {len(test):,} images)")
    if options.weights:
        io.save(options.weights, model.state_dict())
        print(f"weights saved to {options.weights}")


def _recipe(options: argparse.Namespace) -> Recipe:
    named = RECIPES[options.model]
    if options.recipe is None:
        return next(iter(named.values()))
    if options.recipe not in named:
        raise InputError(
            f"--recipe: {options.model} has no recipe {options.recipe!r}, there is "
            f"{', '.join(named)}"
        )
    return named[options.recipe]


def _changed(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """The recipe with what the options say instead."""
    names = ("epochs", "batch_size", "optimizer", "lr")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if "optimizer" in given and "lr" not in given:
        given["lr"] = None  # the recipe's belongs to another optimizer
    return replace(recipe, **given)


def _loaders(
    recipe: Recipe, seed: int, training: data.ArrayDataset, test: data.ArrayDataset, fitting: Any
) -> tuple[data.DataLoader, data.DataLoader]:
    same = [step for step in (fitting, recipe.prepare) if step is not None]
    steps = [*same[:1], recipe.augment, *same[1:]] if recipe.augment else same
    train_batches = data.DataLoader(
        training, recipe.batch_size, shuffle=True, seed=seed, transform=_composed(steps)
    )
    return train_batches, data.DataLoader(test, 512, transform=_composed(same))


def _composed(steps: list[Any]) -> Any:
    return Compose(steps) if len(steps) > 1 else steps[0] if steps else None


def _writers(options: argparse.Namespace) -> list[train.Callback]:
    log = [train.CSVLogger(options.log)] if options.log else []
    return [*log, *([train.Checkpoint(options.checkpoint)] if options.checkpoint else [])]

"""``minicnn train``: trains a network by a recipe, parts of which options may override."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import backend, data, io, parallel, train
from ..backend.random import manual_seed
from ..data.transforms import Compose
from ..parallel.processes import own_device
from ..train.recipe import OPTIMIZERS, Recipe
from ..train.recipes import MODELS, RECIPES
from .inputs import (
    DATA_HELP,
    InputError,
    check_parts,
    load_data,
    make_number_type,
    make_resize,
)


def add_train(commands: Any) -> None:
    """Add this command and its options to the parser."""
    command = commands.add_parser("train", help="train a network and test it")
    command.add_argument("model", choices=RECIPES)
    names = "; ".join(f"{model}: {', '.join(named)}" for model, named in RECIPES.items())
    command.add_argument("--recipe", metavar="NAME", help=f"{names} (default: the first)")
    command.add_argument("--data", default="auto", metavar="NAME|DIR", help=DATA_HELP)
    count = make_number_type(int, 1)
    command.add_argument("--epochs", type=count, help="default: the recipe's")
    command.add_argument("--batch-size", type=count, help="default: the recipe's; digits: 32")
    command.add_argument("--optimizer", choices=OPTIMIZERS, help="default: the recipe's")
    rates = ", ".join(f"{name} {build.keywords['lr']}" for name, build in OPTIMIZERS.items())
    command.add_argument(
        "--lr", type=make_number_type(float, 0), help=f"default: the recipe's, or {rates}"
    )
    command.add_argument("--seed", type=make_number_type(int, 0), default=0, help="default: 0")
    command.add_argument("--device", help='default: $MINICNN_DEVICE or "cpu"')
    command.add_argument(
        "--cuda-graph", action="store_true",
        help="on a GPU: replay each step from a CUDA graph, which is faster for small networks",
    )  # fmt: skip
    command.add_argument(
        "--weights", type=Path, metavar="PATH", help="save the trained weights (safetensors)"
    )
    command.add_argument(
        "--checkpoint", type=Path, metavar="PATH",
        help="write a resumable checkpoint after every epoch",
    )  # fmt: skip
    command.add_argument(
        "--resume", type=Path, metavar="PATH",
        help="continue from a checkpoint, with the same options",
    )  # fmt: skip
    command.add_argument(
        "--log", type=Path, metavar="PATH", help="write a CSV file with a row per epoch"
    )
    command.set_defaults(run=_train, takes_all=True)


def _train(options: argparse.Namespace) -> None:
    processes = parallel.group()
    device = backend.resolve_device(own_device(options.device, processes))
    if options.cuda_graph and not device.startswith("cuda"):
        raise InputError(f"--cuda-graph: got the device {device!r}, expected --device cuda")
    for option in ("weights", "checkpoint", "log"):
        if getattr(options, option) and processes.rank == 0:
            io.check_writable(f"--{option}", getattr(options, option), replaced=option != "log")
    recipe = _choose_recipe(options)
    manual_seed(options.seed)
    model: Any = MODELS[options.model]()
    name, (training, test) = _load_together(options.data, model, processes)
    recipe = _override(recipe.on(name), options)
    check_parts(model, training, test)
    resize = make_resize(training.image_shape, model.input_shape)
    batches, test_batches = _make_loaders(recipe, options.seed, training, test, resize)
    several = f", {processes.size} processes" if processes.size > 1 else ""
    if processes.rank == 0:
        print(
            f"{options.model}, {sum(p.size for p in model.parameters()):,} parameters, on {name}: "
            f"{len(training):,} training and {len(test):,} test images"
            f"{f', {resize}' if resize else ''}{several}"
        )
    history = _fit(recipe, model, device, batches, test_batches, options)
    if processes.rank == 0:
        _tell_result(history, model, test, device, options)


def _load_together(
    name: str, model: Any, processes: parallel.Group
) -> tuple[str, tuple[data.ArrayDataset, data.ArrayDataset]]:
    """The data; the first process may have to download it before the others find it."""
    if processes.rank == 0:
        found = load_data(name, model)
        processes.broadcast(found[0])
        return found
    return load_data(processes.broadcast(None), model)


def _tell_result(
    history: train.History,
    model: Any,
    test: data.ArrayDataset,
    device: str,
    options: argparse.Namespace,
) -> None:
    accuracy = history["val_accuracy"][-1]
    correct = round(accuracy * len(test))
    print(f"test accuracy {accuracy:.2%} ({correct:,} of {len(test):,} images)")
    if device == "cpu" and not options.device and backend.is_available("native"):
        print("faster on this computer: --device native")
    if options.weights:
        io.save(options.weights, model.state_dict())
        print(f"weights saved to {options.weights}")


def _fit(
    recipe: Recipe,
    model: Any,
    device: str,
    batches: data.DataLoader,
    test_batches: data.DataLoader,
    options: argparse.Namespace,
) -> train.History:
    optimizer = recipe.build_optimizer(model)
    checkpoint = train.Checkpoint(options.checkpoint) if options.checkpoint else None
    callbacks = [
        train.ProgressBar(),
        *recipe.build_callbacks(model, optimizer, batches),
        *([train.CSVLogger(options.log)] if options.log else []),
        *([checkpoint] if checkpoint else []),
    ]
    trainer = train.Trainer(
        model, optimizer, recipe.loss, device=device, callbacks=callbacks,
        cuda_graph=options.cuda_graph,
    )  # fmt: skip
    try:
        return trainer.fit(batches, recipe.epochs, test_batches, resume=options.resume)
    except train.CheckpointError as error:
        raise InputError(str(error)) from error
    except (KeyboardInterrupt, BrokenPipeError):
        options.kept = _describe_kept(checkpoint, options.resume)
        raise


def _describe_kept(checkpoint: train.Checkpoint | None, resumed: Path | None) -> str:
    """What remains of a training that is interrupted, and how to continue it."""
    if checkpoint and checkpoint.saved_epoch is not None:
        return f" after epoch {checkpoint.saved_epoch}; continue with --resume {checkpoint.path}"
    if resumed:
        return f"; continue with --resume {resumed}"
    return f" before {checkpoint.path} was written" if checkpoint else ""


def _choose_recipe(options: argparse.Namespace) -> Recipe:
    named = RECIPES[options.model]
    if options.recipe is None:
        return next(iter(named.values()))
    if options.recipe not in named:
        raise InputError(
            f"--recipe: {options.model} has no recipe {options.recipe!r}, but {', '.join(named)}"
        )
    return named[options.recipe]


def _override(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """The recipe with the values that the options give."""
    names = ("epochs", "batch_size", "lr")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if options.optimizer:
        # The recipe's learning rate belongs to the recipe's optimizer.
        given = {"lr": None, **given, "optimizer": OPTIMIZERS[options.optimizer]}
    return replace(recipe, **given)


def _make_loaders(
    recipe: Recipe, seed: int, training: data.ArrayDataset, test: data.ArrayDataset, resize: Any
) -> tuple[data.DataLoader, data.DataLoader]:
    always = [step for step in (resize, recipe.prepare) if step is not None]
    steps = [*always[:1], recipe.augment, *always[1:]] if recipe.augment else always
    train_batches = data.DataLoader(
        training, recipe.batch_size, shuffle=True, seed=seed, transform=_compose(steps)
    )
    return train_batches, data.DataLoader(test, 512, transform=_compose(always))


def _compose(steps: list[Any]) -> Any:
    return Compose(steps) if len(steps) > 1 else steps[0] if steps else None

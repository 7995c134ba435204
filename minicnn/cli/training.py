"""``minicnn train``: trains a network by a recipe, parts of which options may override."""

from __future__ import annotations

import argparse
import copy
import math
import os
import re
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from .. import backend, data, io, models, optim, parallel, train
from ..autograd import Tensor
from ..backend.random import generator_state, manual_seed, set_generator_state
from ..data.transforms import Compose
from ..models import MODELS, ImageClassifier, ModelCard
from ..models.card import to_metadata
from ..models.classifier import Shape, size_transform
from ..models.registry import options_for
from ..parallel.processes import own_device
from ..train.recipe import OPTIMIZERS, Recipe
from ..train.recipes import RECIPES
from .descriptions import DATA_LINES, MODEL_LINES, RECIPE_LINES, examples, lines
from .inputs import InputError, make_number_type, mark
from .sources import TEST_FRACTION, Parts, Source, find_source


FEW_STEPS, LEAST_MINUTES = 2000, 2
"""A training of fewer steps, or of less time, is not announced."""


def add_train(commands: Any) -> None:
    """Add this command and its options to the parser."""
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
    command.set_defaults(run=_train, takes_all=True)


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
        "--cuda-graph", action="store_true",
        help="on a GPU: replay each step from a CUDA graph, which is faster for small networks",
    )  # fmt: skip


def _add_file_options(group: Any) -> None:
    group.add_argument(
        "--weights", type=Path, metavar="PATH",
        help="save the trained network here (default: MODEL-DATA-RECIPE.safetensors)",
    )  # fmt: skip
    group.add_argument(
        "--no-weights", action="store_true", help="do not save the trained network"
    )
    group.add_argument(
        "--checkpoint", type=Path, metavar="PATH",
        help="write a resumable checkpoint after every epoch",
    )  # fmt: skip
    group.add_argument(
        "--resume", type=Path, metavar="PATH",
        help="continue from a checkpoint, with the same options",
    )  # fmt: skip
    group.add_argument(
        "--log", type=Path, metavar="PATH", help="write a CSV file with a row per epoch"
    )


def _train(options: argparse.Namespace) -> int:
    processes = parallel.group()
    device = _resolve_device(options.device, processes)
    if options.cuda_graph and not device.startswith("cuda"):
        raise InputError(f"--cuda-graph: got the device {device!r}, expected --device cuda")
    for option in ("weights", "checkpoint", "log"):
        if getattr(options, option) and processes.rank == 0:
            io.check_writable(f"--{option}", getattr(options, option), replaced=option != "log")
    recipe_name, recipe = _choose_recipe(options)
    source, model_options = _find_data(options, processes)
    recipe = _override(recipe.on(source.name), options)
    weights = _where_to_save(options, source, recipe_name) if processes.rank == 0 else None
    manual_seed(options.seed)
    model = MODELS[options.model](**model_options)
    shape = model.input_shape if source.is_pictures else source.image_shape
    parts, card = _load(options, recipe, source, model, shape)
    card = replace(card, recipe=_describe_recipe(recipe_name, options), options=model_options)
    batches, validation, test = _make_loaders(recipe, options.seed, parts, model)
    if processes.rank == 0:
        print(_describe(options.model, model, source, parts, shape, processes.size))
        if minutes := _expected_minutes(recipe, model, device, batches):
            print(f"about {minutes:.0f} minutes on this computer")
    if options.check and not _check(recipe, model, device, parts.training, processes.rank):
        return 2
    checkpoint = None
    if options.checkpoint:
        checkpoint = train.Checkpoint(options.checkpoint, notes=to_metadata(card))
    trainer = _make_trainer(
        recipe, model, device, batches, validation is not None, checkpoint, options
    )
    history = _fit(trainer, recipe, batches, validation or test, checkpoint, options)
    accuracy = history["val_accuracy"][-1]
    if validation:
        accuracy = trainer.evaluate(test)["accuracy"]
    if processes.rank == 0:
        _tell_accuracy(accuracy, len(parts.test), validation is None, recipe_name)
        if device == "cpu" and not options.device and backend.is_available("native"):
            print("faster on this computer: --device native")
        if weights:
            _save(weights, model, replace(card, accuracy=accuracy), options)
    return 0


def _expected_minutes(
    recipe: Recipe, model: ImageClassifier, device: str, batches: data.DataLoader
) -> float:
    """How long a training will take, measured in some steps of a copy; 0 for a short one."""
    steps = recipe.epochs * len(batches)
    if steps < FEW_STEPS:
        return 0
    state = generator_state()
    copied = copy.deepcopy(model).to(device)
    images, labels = batches.dataset[list(range(min(recipe.batch_size, len(batches.dataset))))]
    x, seconds = Tensor(model.as_input(images)).to(device), 0.0
    for _ in range(3):  # the first is slower
        start = time.perf_counter()
        recipe.loss(copied(x), labels).backward()
        seconds = time.perf_counter() - start
    set_generator_state(state)
    minutes = seconds * steps / 60
    return minutes if minutes >= LEAST_MINUTES else 0


def _check(
    recipe: Recipe, model: ImageClassifier, device: str, training: data.ArrayDataset, rank: int
) -> bool:
    """Whether ``train.check`` finds nothing in the first images; the first process prints it."""
    batch = next(iter(data.DataLoader(training, 128, True, seed=0, transform=model.as_input)))
    optimizer = recipe.build_optimizer(model.to(device))
    if isinstance(optimizer, optim.DiagonalLM):  # it needs the curvature of many batches
        optimizer = optim.Adam(model.parameters())
    found = train.check(model, batch, recipe.loss, optimizer)
    if rank == 0:
        print(str(found).replace("✓", mark(True)).replace("✗", mark(False)))
        if not found.ok:
            print("nothing was trained; without --check it is", file=sys.stderr)
    return found.ok


class _EndIfLost(train.Callback):
    """Ends a training that guesses after an epoch, with a loss far above that of guessing."""

    added_columns: ClassVar = ()

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def on_epoch_end(self, trainer: train.Trainer, epoch: int, row: dict[str, float]) -> None:
        blind = math.log(self.classes)
        if row["loss"] > 3 * blind + 1 and row["accuracy"] < 1.5 / self.classes:
            raise FloatingPointError(
                f"epoch {epoch}: the loss is {row['loss']:.3g}, {blind:.3g} would be a guess, and "
                f"the accuracy {row['accuracy']:.1%}: the training diverges; use a smaller "
                "learning rate (--lr)"
            )


def _resolve_device(name: str | None, processes: parallel.Group) -> str:
    try:
        return backend.resolve_device(own_device(name, processes))
    except backend.DeviceError as error:
        if not str(error).startswith("device: "):
            raise
        given = f"--device {name}" if name else f"MINICNN_DEVICE={os.environ['MINICNN_DEVICE']}"
        raise InputError(
            f"{given}: no such device; expected cpu, native, cuda, cuda:1 or emulator"
        ) from error


def _find_data(
    options: argparse.Namespace, processes: parallel.Group
) -> tuple[Source, dict[str, int]]:
    """The data and the options of the model for it; the first process may have to download."""
    name = options.data if processes.rank == 0 else processes.broadcast(None)
    source = find_source(name)
    try:
        model_options = options_for(
            options.model, len(source.classes), source.image_shape, source.is_pictures
        )
    except ValueError as error:
        raise InputError(f"{options.model} cannot be trained on {source.name}: {error}") from error
    if processes.rank == 0:
        source.fetch()
        processes.broadcast(source.name)
    return source, model_options


def _load(
    options: argparse.Namespace,
    recipe: Recipe,
    source: Source,
    model: ImageClassifier,
    shape: Shape,
) -> tuple[Parts, ModelCard]:
    """The images, with a validation part if the recipe or the user wants one, and a first card."""
    test_fraction = TEST_FRACTION
    hold_out = recipe.hold_out
    if options.hold_out is not None and source.is_one_folder:
        test_fraction = options.hold_out or TEST_FRACTION
    elif options.hold_out is not None:
        hold_out = options.hold_out
    try:
        parts = source.load(shape, test_fraction)
        if parts.validation is None and hold_out:
            training, validation = data.hold_out(parts.training, hold_out)
            parts = Parts(training, validation, parts.test)
    except ValueError as error:
        raise InputError(f"--hold-out: {error}") from error
    card = ModelCard(
        options.model, {}, source.classes, shape, source.ink_box, source.name,
        hold_out=test_fraction if source.is_one_folder else None,
        epochs=recipe.epochs, seed=options.seed,
    )  # fmt: skip
    return parts, card


def _describe(
    name: str,
    model: ImageClassifier,
    source: Source,
    parts: Parts,
    shape: Shape,
    processes: int,
) -> str:
    """The first line of a training."""
    counts = [f"{len(parts.training):,} training"]
    if parts.validation is not None:
        counts.append(f"{len(parts.validation):,} validation")
    sized = size_transform(shape[1:], model.input_shape)
    if source.is_pictures:
        sized = f"read as {'x'.join(map(str, shape))}"  # type: ignore[assignment]
    return (
        f"{name}, {sum(p.size for p in model.parameters()):,} parameters, on {source.name}: "
        f"{', '.join(counts)} and {len(parts.test):,} test images{f', {sized}' if sized else ''}"
        f"{f', {processes} processes' if processes > 1 else ''}"
    )


def _tell_accuracy(accuracy: float, images: int, saw_test: bool, recipe: str) -> None:
    print(f"test accuracy {accuracy:.2%} ({round(accuracy * images):,} of {images:,} images)")
    if saw_test and recipe == "course":
        print(
            "as in the course, the test images also validated each epoch: whoever chooses by them "
            "is flattered; --hold-out 0.1 keeps training images for it"
        )


def _where_to_save(options: argparse.Namespace, source: Source, recipe: str) -> Path | None:
    """Where the trained network goes; a place that was not asked for is free, and checked."""
    if options.no_weights or options.weights:
        if options.no_weights and options.weights:
            raise InputError("--no-weights: got --weights too, expected one of them")
        return options.weights
    data_name = re.sub(r"[^\w.+-]+", "_", Path(source.name).resolve().name, flags=re.ASCII)
    path = _free(Path(f"{options.model}-{data_name or 'data'}-{recipe}.safetensors"))
    try:
        io.check_writable("--weights", path)
    except OSError as error:
        raise InputError(f"{error}; name another place, or add --no-weights") from error
    return path


def _free(path: Path) -> Path:
    """The path, or the first of name-2, name-3, ... that does not exist."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return free


def _save(
    path: Path, model: ImageClassifier, card: ModelCard, options: argparse.Namespace
) -> None:
    if not options.weights:
        path = _free(path)  # another training may have ended meanwhile
    models.save(path, model, card)
    print(f"weights saved to {path}; next:")
    print(f"  minicnn evaluate {_quoted(path)}")
    print(f"  minicnn predict {_quoted(path)} PICTURE...")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _make_trainer(
    recipe: Recipe,
    model: ImageClassifier,
    device: str,
    batches: data.DataLoader,
    chooses: bool,
    checkpoint: train.Checkpoint | None,
    options: argparse.Namespace,
) -> train.Trainer:
    """chooses: whether the epoch that is best on the validation images is the one to keep."""
    optimizer = recipe.build_optimizer(model)
    callbacks = [
        train.ProgressBar(),
        *([] if recipe.criterion else [_EndIfLost(model.num_classes)]),
        *recipe.build_callbacks(model, optimizer, batches),
        *([train.CSVLogger(options.log)] if options.log else []),
        *([checkpoint] if checkpoint else []),
    ]
    if chooses:
        callbacks.append(
            train.EarlyStopping("val_accuracy", patience=recipe.epochs, restore_best=True)
        )
    return train.Trainer(
        model, optimizer, recipe.loss, device=device, callbacks=callbacks,
        cuda_graph=options.cuda_graph,
    )  # fmt: skip


def _fit(
    trainer: train.Trainer,
    recipe: Recipe,
    batches: data.DataLoader,
    validation: data.DataLoader,
    checkpoint: train.Checkpoint | None,
    options: argparse.Namespace,
) -> train.History:
    try:
        return trainer.fit(batches, recipe.epochs, validation, resume=options.resume)
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


def _choose_recipe(options: argparse.Namespace) -> tuple[str, Recipe]:
    named = RECIPES[options.model]
    name = options.recipe or next(iter(named))
    if name not in named:
        raise InputError(
            f"--recipe: {options.model} has no recipe {options.recipe!r}, but {', '.join(named)}"
        )
    return name, named[name]


def _describe_recipe(name: str, options: argparse.Namespace) -> str:
    """The recipe with the options that change it, as they are written."""
    given = {n: getattr(options, n) for n in ("epochs", "batch_size", "optimizer", "lr", "hold_out")}
    changes = [f"--{n.replace('_', '-')} {v}" for n, v in given.items() if v is not None]
    return " ".join([name, *changes])


def _override(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """The recipe with the values that the options give."""
    names = ("epochs", "batch_size", "lr")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if options.optimizer:
        # The recipe's learning rate belongs to the recipe's optimizer.
        given = {"lr": None, **given, "optimizer": OPTIMIZERS[options.optimizer]}
    return replace(recipe, **given)


def _make_loaders(
    recipe: Recipe, seed: int, parts: Parts, model: ImageClassifier
) -> tuple[data.DataLoader, data.DataLoader | None, data.DataLoader]:
    """The batches to train on, to choose by, if there are such, and to test with."""
    sized = size_transform(parts.training.image_shape[1:], model.input_shape)
    steps = [step for step in (sized, recipe.augment) if step is not None]
    batches = data.DataLoader(
        parts.training, recipe.batch_size, shuffle=True, seed=seed,
        transform=Compose([*steps, model.prepare]),
    )  # fmt: skip

    def in_order(part: data.ArrayDataset) -> data.DataLoader:
        return data.DataLoader(part, 512, transform=model.as_input)

    validation = None if parts.validation is None else in_order(parts.validation)
    return batches, validation, in_order(parts.test)

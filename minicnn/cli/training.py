"""``minicnn train``: trains a network by a recipe, parts of which options may override."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import backend, data, io, parallel, train
from ..backend.random import manual_seed
from ..data.transforms import Compose
from ..models import MODELS, ImageClassifier, ModelCard
from ..models.card import from_metadata, to_metadata
from ..models.classifier import Shape, size_transform
from ..models.registry import options_for
from ..parallel.processes import own_device
from ..train.recipe import Recipe
from .inputs import InputError
from .precautions import EndIfLost, expected_minutes, finds_no_mistake
from .saving import save, where_to_save
from .sources import TEST_FRACTION, Parts, Source, find_source
from .train_options import add_train_command, choose_recipe, describe_recipe, override


def add_train(commands: Any) -> None:
    """Add this command and its options to the parser."""
    add_train_command(commands).set_defaults(run=_train, takes_all=True)


def _train(options: argparse.Namespace) -> int:
    processes = parallel.group()
    device = _resolve_device(options.device, processes)
    if options.graph and not device.startswith("cuda"):
        raise InputError(f"--graph: got the device {device!r}, expected --device cuda")
    for option in ("weights", "checkpoint", "log"):
        if getattr(options, option) and processes.rank == 0:
            io.check_writable(f"--{option}", getattr(options, option), replaced=option != "log")
    recipe_name, recipe = choose_recipe(options)
    source, model_options = _find_data(options, processes)
    recipe = override(recipe.on(source.name), options)
    weights = where_to_save(options, source, recipe_name) if processes.rank == 0 else None
    manual_seed(options.seed)
    model = MODELS[options.model](**model_options)
    shape = model.input_shape if source.is_pictures else source.image_shape
    parts, card = _load(options, recipe, source, model, shape)
    card = replace(card, recipe=describe_recipe(recipe_name, options), options=model_options)
    batches, validation, test = _make_loaders(recipe, options.seed, parts, model)
    if processes.rank == 0:
        print(_describe(options.model, model, source, parts, shape, processes.size))
        if minutes := expected_minutes(recipe, model, device, parts.training):
            print(f"about {minutes:.0f} minutes on this computer")
    if options.check and not finds_no_mistake(
        recipe, model, device, parts.training, processes.rank
    ):
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
            save(weights, model, replace(card, accuracy=accuracy), options)
    return 0


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
    if len(source.classes) < 2:
        raise InputError(f"{source.name}: has one class, expected two or more")
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
    except data.DataError:
        raise
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
            "as in the course, the test images also validated each epoch: what is chosen by them "
            "looks better than it is; --hold-out 0.1 keeps training images for the choice"
        )


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
        *([] if recipe.criterion else [EndIfLost(model.num_classes)]),
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
        graph=options.graph or None,
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
        raise InputError(f"{error}{_written_by(options.resume)}") from error
    except (KeyboardInterrupt, BrokenPipeError):
        options.kept = _describe_kept(checkpoint, options.resume)
        raise


def _written_by(path: Path) -> str:
    """The options of the training that wrote a checkpoint, if its card tells them."""
    with contextlib.suppress(OSError, ValueError):
        card = from_metadata(io.load_with_metadata(path)[1], str(path))
        if card is not None:
            return (
                f" It was written by: minicnn train {card.model} --data {shlex.quote(card.data)} "
                f"--recipe {card.recipe} --seed {card.seed}"
            )
    return ""


def _describe_kept(checkpoint: train.Checkpoint | None, resumed: Path | None) -> str:
    """What remains of a training that is interrupted, and how to continue it."""
    if checkpoint and checkpoint.saved_epoch is not None:
        return f" after epoch {checkpoint.saved_epoch}; continue with --resume {checkpoint.path}"
    if resumed:
        return f"; continue with --resume {resumed}"
    return f" before {checkpoint.path} was written" if checkpoint else ""


def _make_loaders(
    recipe: Recipe, seed: int, parts: Parts, model: ImageClassifier
) -> tuple[data.DataLoader, data.DataLoader | None, data.DataLoader]:
    """The batches to train on, to choose by, if there are such, and to test with."""
    sized = size_transform(parts.training.image_shape[1:], model.input_shape)
    prepares = type(model).prepare is not ImageClassifier.prepare
    wanted = (sized, recipe.augment, model.prepare if prepares else None)
    steps = [step for step in wanted if step is not None]
    batches = data.DataLoader(
        parts.training, recipe.batch_size, shuffle=True, seed=seed,
        transform=Compose(steps) if steps else None,
    )  # fmt: skip

    def in_order(part: data.ArrayDataset) -> data.DataLoader:
        return data.DataLoader(part, 512, transform=model.as_input)

    validation = None if parts.validation is None else in_order(parts.validation)
    return batches, validation, in_order(parts.test)

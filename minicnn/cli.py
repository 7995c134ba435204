"""The command line: ``minicnn train lenet5`` and what one asks before and after."""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import __version__, backend, data, io, models, nn, ops, optim, train
from .backend.random import manual_seed

__all__ = ["main"]


class Recipe(NamedTuple):
    """A network and how it is trained on MNIST: the course's way where the course says it."""

    build: Callable[[], Any]
    epochs: int
    batch_size: int = 128
    label_smoothing: float = 0.0

    def for_digits(self) -> Recipe:
        """The same on the bundled digits, of which there are 42 times fewer.

        Small batches make enough steps of them, and smoothed labels keep so few from being learned
        by heart.
        """
        return self._replace(epochs=3 * self.epochs, batch_size=32, label_smoothing=0.1)


RECIPES = {
    "lenet5": Recipe(models.lenet5, epochs=10),
    "lenet5_sigmoid": Recipe(models.lenet5_sigmoid, epochs=20),  # ours: sigmoids learn slowly
    "alexnet_mnist": Recipe(models.alexnet_mnist, epochs=5),
}

OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], dict[str, Any]]] = {
    "sgd": (optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "adagrad": (optim.Adagrad, {"lr": 0.01}),
    "rmsprop": (optim.RMSprop, {"lr": 1e-3}),
    "adadelta": (optim.Adadelta, {"lr": 1.0}),
    "adam": (optim.Adam, {"lr": 1e-3}),
    "adamw": (optim.AdamW, {"lr": 1e-3}),
}


class InputError(Exception):
    """Something the user gave that cannot be used; printed as one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 2 for bad input, 130 when interrupted.

    It is 1 when the reader of the output has gone away.
    """
    parsed = _parser().parse_args(arguments)
    try:
        with np.errstate(all="ignore"):  # a diverging network is told of once, by Trainer.fit
            parsed.run(parsed)
        sys.stdout.flush()
    except (InputError, data.DataError, backend.DeviceError, FloatingPointError) as error:
        print(f"minicnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minicnn: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"minicnn: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minicnn", description="Convolutional networks from scratch on NumPy."
    )
    parser.add_argument("--version", action="version", version=f"minicnn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    command = commands.add_parser("summary", help="layers, output shapes and parameters")
    command.add_argument("model", choices=RECIPES)
    command.set_defaults(run=_summary)
    command = commands.add_parser("data", help="list the data sets, or get one")
    command.set_defaults(run=_data_list)
    actions = command.add_subparsers(metavar="list|get")
    actions.add_parser("list", help="which there are, and where").set_defaults(run=_data_list)
    get = actions.add_parser("get", help="download one into the cache")
    get.add_argument("name", metavar="NAME")
    get.set_defaults(run=_data_get)
    command = commands.add_parser("devices", help="what minicnn can compute on here")
    command.set_defaults(run=_devices)
    return parser


def _add_train(commands: Any) -> None:
    command = commands.add_parser("train", help="train a network and test it")
    command.add_argument("model", choices=RECIPES)
    command.add_argument(
        "--data",
        default="auto",
        metavar="NAME|DIR",
        help=f"{', '.join(data.NAMES)}, a directory of IDX files, or auto: MNIST if it is here or "
        "can be downloaded, else the bundled digits (default: auto)",
    )
    whole = _number(int, 1)
    command.add_argument(
        "--epochs", type=whole, help="default: the course's; digits: 3 times these"
    )
    command.add_argument("--batch-size", type=whole, help="default: 128; digits: 32")
    command.add_argument("--optimizer", choices=OPTIMIZERS, default="adam", help="default: adam")
    rates = ", ".join(f"{name} {options['lr']}" for name, (_, options) in OPTIMIZERS.items())
    command.add_argument("--lr", type=_number(float, 0), help=f"default: {rates}")
    command.add_argument("--seed", type=_number(int, 0), default=0, help="default: 0")
    command.add_argument("--device", help='default: $MINICNN_DEVICE or "cpu"')
    command.add_argument(
        "--checkpoint", type=Path, metavar="PATH", help="save the trained weights (safetensors)"
    )
    command.set_defaults(run=_train)


def _number(kind: Callable[[str], Any], least: float) -> Callable[[str], Any]:
    def number(text: str) -> Any:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"got {text}, expected a number of {least} or more")
        return value

    number.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return number


def _train(options: argparse.Namespace) -> None:
    device = backend.resolve_device(options.device)
    _check_writable(options.checkpoint)
    name, (training, test) = _load(options.data)
    recipe = RECIPES[options.model]
    manual_seed(options.seed)
    model = recipe.build()
    _check_parts(model, training, test)
    transform = _fit_images(training.image_shape, model.input_shape)
    if name == "digits":
        recipe = recipe.for_digits()
    epochs, batch_size = options.epochs or recipe.epochs, options.batch_size or recipe.batch_size
    print(
        f"{options.model}, {sum(p.size for p in model.parameters()):,} parameters, on {name}: "
        f"{len(training):,} training and {len(test):,} test images"
        f"{f', {transform}' if transform else ''}"
    )
    trainer = train.Trainer(
        model,
        _optimizer(options, model),
        loss=partial(ops.cross_entropy, label_smoothing=recipe.label_smoothing),
        device=device,
        callbacks=[train.ProgressBar()],
    )
    batches = data.DataLoader(
        training, batch_size, shuffle=True, seed=options.seed, transform=transform
    )
    test_batches = data.DataLoader(test, 512, transform=transform)
    history = trainer.fit(batches, epochs, validation=test_batches)
    accuracy = history["val_accuracy"][-1]
    right = round(accuracy * len(test))
    print(f"test accuracy {accuracy:.2%} ({right:,} of {len(test):,} images)")
    if options.checkpoint:
        io.save(options.checkpoint, model.state_dict())
        print(f"weights saved to {options.checkpoint}")


def _optimizer(options: argparse.Namespace, model: nn.Module) -> optim.Optimizer:
    build, defaults = OPTIMIZERS[options.optimizer]
    chosen = {} if options.lr is None else {"lr": options.lr}
    return build(model.parameters(), **{**defaults, **chosen})


def _load(name: str) -> tuple[str, tuple[data.ArrayDataset, data.ArrayDataset]]:
    """The name of the data and its training and test part."""
    if name == "auto":
        try:
            return "mnist", data.load("mnist")
        except data.DataError:
            reason = "is damaged" if data.locate("mnist") else "could not be downloaded"
            print(
                f"minicnn: MNIST {reason}, taking the bundled digits "
                "(minicnn train MODEL --data mnist tells why)",
                file=sys.stderr,
            )
            return "digits", data.load("digits")
    if name in data.NAMES or not Path(name).exists():
        return name, data.load(name)
    return name, data.load_directory(name)


def _fit_images(image: tuple[int, int, int], model: tuple[int, int, int]) -> Any:
    """What gives images the size a model takes: a frame around them if they are nearly as large."""
    (channels, *size), (model_channels, *model_size) = image, model
    if channels != model_channels:
        raise InputError(f"the model takes {model_channels} channels, the images have {channels}")
    if size == model_size:
        return None
    nearly = all(m / 2 < n <= m for n, m in zip(size, model_size, strict=True))
    return (data.transforms.PadTo if nearly else data.transforms.Resize)(
        (model_size[0], model_size[1])
    )


def _check_parts(model: Any, training: data.ArrayDataset, test: data.ArrayDataset) -> None:
    if training.image_shape != test.image_shape:
        shapes = ["x".join(map(str, part.image_shape)) for part in (training, test)]
        raise InputError(
            f"the training images are {shapes[0]}, the test images {shapes[1]} "
            "(channels x height x width), expected the same"
        )
    most = max(training.num_classes, test.num_classes)
    if most > model.num_classes:
        raise InputError(f"the data has {most} classes, the model tells {model.num_classes} apart")


def _check_writable(path: Path | None) -> None:
    """Refuse before training what could not be saved after it."""
    if path is None:
        return
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"--checkpoint: {path} exists and is no file")
        with tempfile.TemporaryFile(dir=path.parent, prefix=path.name):
            pass
    except OSError as error:
        raise InputError(f"--checkpoint: {path} cannot be written ({error.strerror})") from error


def _summary(options: argparse.Namespace) -> None:
    model = RECIPES[options.model].build()
    print(nn.summary(model, model.input_shape))


def _data_list(options: argparse.Namespace) -> None:
    for name in data.NAMES:
        place = data.locate(name)
        print(f"{name:15}{place or f'not on this machine; minicnn data get {name} downloads it'}")


def _data_get(options: argparse.Namespace) -> None:
    print(f"{options.name} is in {data.locate(options.name) or data.download(options.name)}")


def _devices(options: argparse.Namespace) -> None:
    for name in ("cpu", "cuda", "emulator"):
        try:
            backend.resolve_device(name)
            print(f"{name:10}available")
        except backend.DeviceError as error:
            print(f"{name:10}not available: {str(error).split(': ', 1)[1]}")

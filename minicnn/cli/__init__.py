"""Floor 7, the command line: ``minicnn train lenet5``, and what comes before and after it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import __version__, backend, data, nn
from ..text_table import text_table
from ..train.recipe import OPTIMIZERS
from ..train.recipes import MODELS, RECIPES
from .inputs import InputError
from .trained import add_trained
from .training import add_train

__all__ = ["OPTIMIZERS", "RECIPES", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 for bad input, 130 when interrupted.

    It is 1 when the output can no longer be written, as after ``| head -1``.
    """
    parsed = _parser().parse_args(arguments)
    try:
        with np.errstate(all="ignore"):  # Trainer.fit reports divergence, once
            parsed.run(parsed)
        sys.stdout.flush()
    except (InputError, data.DataError, backend.DeviceError, FloatingPointError) as error:
        print(f"minicnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minicnn: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has stopped reading
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
    add_train(commands)
    add_trained(commands)
    command = commands.add_parser("summary", help="show layers, output shapes and parameters")
    command.add_argument("model", choices=MODELS)
    command.set_defaults(run=_summary)
    command = commands.add_parser("data", help="list the data sets, or download one")
    command.set_defaults(run=_data_list)
    actions = command.add_subparsers(metavar="list|get")
    actions.add_parser("list", help="show the data sets, and where they are").set_defaults(
        run=_data_list
    )
    get = actions.add_parser("get", help="download a data set to the cache")
    get.add_argument("name", metavar="NAME")
    get.set_defaults(run=_data_get)
    command = commands.add_parser("devices", help="show which devices are available")
    command.set_defaults(run=_devices)
    return parser


def _summary(options: argparse.Namespace) -> None:
    model: Any = MODELS[options.model]()
    print(nn.summary(model, model.input_shape))


def _data_list(options: argparse.Namespace) -> None:
    rows = [
        (name, str(data.locate(name) or f"not here; minicnn data get {name} downloads it"))
        for name in data.NAMES
    ]
    print(text_table(rows))


def _data_get(options: argparse.Namespace) -> None:
    print(f"{options.name} is in {data.locate(options.name) or data.download(options.name)}")


def _devices(options: argparse.Namespace) -> None:
    print(text_table((name, _availability(name)) for name in ("cpu", "cuda", "emulator")))


def _availability(device: str) -> str:
    try:
        backend.resolve_device(device)
    except backend.DeviceError as error:
        return f"not available: {str(error).split(': ', 1)[1]}"
    return "available"

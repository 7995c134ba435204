"""The command line: ``minicnn train lenet5`` and what one asks before and after."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import __version__, backend, data, nn
from ..train.recipes import MODELS, OPTIMIZERS, RECIPES
from .inputs import InputError
from .trained import add_trained
from .training import add_train

__all__ = ["OPTIMIZERS", "RECIPES", "main"]


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
    add_train(commands)
    add_trained(commands)
    command = commands.add_parser("summary", help="layers, output shapes and parameters")
    command.add_argument("model", choices=MODELS)
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


def _summary(options: argparse.Namespace) -> None:
    model: Any = MODELS[options.model]()
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

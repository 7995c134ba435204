"""Floor 7, the command line: ``minicnn train lenet5``, and what comes before and after it."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NoReturn

import argcomplete
import numpy as np
from rich_argparse import RawDescriptionRichHelpFormatter

from .. import __version__, backend, data, nn, parallel
from ..models import MODELS
from ..parallel.launch import launched_rank
from ..parallel.processes import fail
from ..text_table import printable, text_table
from ..train.recipe import OPTIMIZERS
from ..train.recipes import RECIPES
from .descriptions import examples
from .inputs import InputError, mark
from .interrupts import Interrupt, interruptible
from .show import add_show
from .sources import check_data_name
from .streams import drop_output, escaping, messages, set_up_streams
from .trained import add_trained
from .training import add_train

__all__ = ["OPTIMIZERS", "RECIPES", "main"]


EXPECTED = (
    InputError, data.DataError, backend.DeviceError, FloatingPointError, parallel.ParallelError,
    ImportError,
)  # fmt: skip
"""What a command raises for input that cannot be used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0, or 2 for bad input; 130 when interrupted and 143 when terminated; 141 when the reader of the
    output has gone, as after ``| head -1``: these are what a shell reports for a program that ends
    in this way.
    """
    set_up_streams()
    # kept: what an interruption leaves; takes_all: whether several processes share the work.
    parsed = argparse.Namespace(kept=None, takes_all=False)
    with interruptible() as interrupts, messages():
        try:
            with interrupts.raised():
                return _run_or_tell_why_not(arguments, parsed)
        except KeyboardInterrupt as error:
            interrupt = error if isinstance(error, Interrupt) else Interrupt(signal.SIGINT)
            return _fail(interrupt.status, f"{interrupt.reason}{parsed.kept or ''}")


def _run_or_tell_why_not(arguments: Sequence[str] | None, parsed: argparse.Namespace) -> int:
    try:
        return _run(arguments, parsed)
    except EXPECTED as error:
        # What a compiler says has several lines.
        return _fail(2, str(error), but="\n" if isinstance(error, backend.DeviceError) else "")
    except MemoryError as error:
        why = f" ({error})" if str(error) else ""
        return _fail(2, f"not enough memory{why}{_less_memory(parsed)}")
    except BrokenPipeError:
        drop_output()
        return _fail(141, f"the output was closed{parsed.kept}") if parsed.kept else 141
    except OSError as error:
        if error.strerror and not error.filename:  # every other error names a file
            drop_output()
            return _fail(2, f"the output cannot be written ({error.strerror})")
        return _fail(2, f"{error.filename}: {error.strerror}" if error.strerror else str(error))


def _run(arguments: Sequence[str] | None, parsed: argparse.Namespace) -> int:
    try:
        with _quiet_if_not_first():
            _parser().parse_args(arguments, parsed)
        for name, value in vars(parsed).items():
            if value == "" or (isinstance(value, list) and "" in value):
                raise InputError(f"{name}: got an empty name")
        if not parsed.takes_all and launched_rank() != 0:
            return 0
        with np.errstate(all="ignore"), escaping():  # Trainer.fit reports divergence, once
            return parsed.run(parsed) or 0
    finally:  # also after --help, which exits
        sys.stdout.flush()


@contextmanager
def _quiet_if_not_first() -> Iterator[None]:
    """Of several processes only the first prints the help, or what is wrong with the options."""
    if launched_rank() == 0:
        yield
        return
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        yield


def _less_memory(parsed: argparse.Namespace) -> str:
    """What to try, for a command that can do with less."""
    if hasattr(parsed, "batch_size"):
        return "; try a smaller --batch-size"
    return "; try fewer images at a time" if hasattr(parsed, "images") else ""


def _fail(status: int, reason: str, but: str = "") -> int:
    """Tell the reason, and end the other processes, if there are some.

    but: control characters that are not of a name, and are printed.
    """
    fail(f"minicnn: {printable(reason, but)}", status)
    return status


class _Formatter(RawDescriptionRichHelpFormatter):
    group_name_formatter = str
    help_markup = text_markup = False  # square brackets are those of the usage


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in two lines, and what may have been meant; help in colours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Formatter, **options})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"minicnn: {message}\n{self.prog} --help shows what there is\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        close = difflib.get_close_matches(str(value), names, 1)
        hint = f"did you mean {close[0]}?" if close else f"expected {', '.join(names)}"
        named = action.dest if action.option_strings else action.metavar or action.dest
        kind = str(named).lower()
        self.error(f"no {kind} {value!r}; {hint}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="minicnn",
        description="Convolutional networks from scratch on NumPy, and on CUDA.",
        epilog=examples(
            "train lenet5", "predict lenet5 photo.png", "show lenet5", "COMMAND --help"
        ),
    )
    parser.add_argument("--version", action="version", version=f"minicnn {__version__}")
    parser.set_defaults(run=lambda options: parser.print_help())
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    add_train(commands)
    add_trained(commands)
    add_show(commands)
    command = commands.add_parser(
        "summary", help="show layers, output shapes, parameters and multiply-adds"
    )
    command.add_argument("model", choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
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
    argcomplete.autocomplete(parser)
    return parser


def _summary(options: argparse.Namespace) -> None:
    model = MODELS[options.model]()
    print(nn.summary(model, model.input_shape))


def _data_list(options: argparse.Namespace) -> None:
    rows = [
        (name, str(data.locate(name) or f"not here; minicnn data get {name} downloads it"))
        for name in data.NAMES
    ]
    print(text_table(rows))


def _data_get(options: argparse.Namespace) -> None:
    check_data_name(options.name)
    print(f"{options.name} is in {data.locate(options.name) or data.download(options.name)}")


def _devices(options: argparse.Namespace) -> None:
    print(text_table(_describe_device(name) for name in DEVICES))


def _describe_device(device: str) -> tuple[str, str, str]:
    try:
        backend.resolve_device(device)
    except backend.DeviceError as error:
        return mark(False), device, str(error).split(": ", 1)[1]
    return mark(True), device, DEVICES[device]


DEVICES = {
    "cpu": "NumPy",
    "native": "the CUDA kernels, compiled for this CPU; faster than cpu: train --device native, or "
    "MINICNN_DEVICE=native in the environment",
    "cuda": "an NVIDIA GPU through CuPy: train --device cuda",
    "emulator": "the CUDA kernels thread by thread, every access checked: for learning and tests",
}

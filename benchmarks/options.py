"""The command line shared by the benchmarks; each file adds its own options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .contest import RESULTS

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """The parser of a benchmark with the given docstring.

    Each keyword is an integer option with two defaults: (of a full run, with --quick).
    """

    def __init__(self, doc: str | None, **numbers: tuple[int, int]) -> None:
        super().__init__(description=(doc or "").split("\n")[0])
        self.numbers = numbers
        self.add_argument(
            "--quick",
            action="store_true",
            help="a trial run of seconds; its figures are meaningless and are not saved",
        )
        self.add_argument(
            "--results",
            type=Path,
            metavar="DIR",
            help="save the table, numbers and plot in DIR (default: benchmarks/results; "
            "with --quick, do not save)",
        )
        for name, (full, quick) in numbers.items():
            self.add_argument(
                f"--{name.replace('_', '-')}",
                type=int,
                metavar="N",
                help=f"default: {full}; with --quick: {quick}",
            )

    def options(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """The parsed arguments (None: those of the command line) with their defaults filled in.

        ``more`` holds the options that differ from the defaults, as text, to repeat the run.
        """
        options = self.parse_args(arguments)
        options.more = " --quick" if options.quick else ""
        for name, (full, quick) in self.numbers.items():
            default = quick if options.quick else full
            if getattr(options, name) is None:
                setattr(options, name, default)
            elif getattr(options, name) != default:
                options.more += f" --{name.replace('_', '-')} {getattr(options, name)}"
        if options.results is None and not options.quick:
            options.results = RESULTS
        return options

"""The command line that the benchmarks share; what one of them adds is in its own file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .contest import RESULTS

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """The parser of a benchmark whose docstring is given.

    Each keyword is an option with a whole number and two defaults: (for a full run, with --quick).
    """

    def __init__(self, doc: str | None, **numbers: tuple[int, int]) -> None:
        super().__init__(description=(doc or "").split("\n")[0])
        self.numbers = numbers
        self.add_argument(
            "--quick",
            action="store_true",
            help="a trial of seconds, whose figures mean nothing and are not kept",
        )
        self.add_argument(
            "--results",
            type=Path,
            metavar="DIR",
            help="keep table, numbers and plot there (default: benchmarks/results, "
            "with --quick nowhere)",
        )
        for name, (full, quick) in numbers.items():
            self.add_argument(
                f"--{name.replace('_', '-')}",
                type=int,
                metavar="N",
                help=f"default: {full}, with --quick {quick}",
            )

    def options(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """The parsed arguments (None: those of the command line) with their defaults filled in.

        ``more`` is what has to be added to the plain command to get the same numbers.
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

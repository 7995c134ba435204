"""Timing several programs against each other on a noisy machine.

Each contestant runs in its own process, so that each has its own peak memory. They take turns in
short blocks, round after round, so that a disturbance of the machine affects all of them alike.
Between two blocks all rest until the threads of the last one have stopped waiting for work:
OpenBLAS lets them spin for 0.1 s after a matrix product, which would cost the next contestant a
core. Medians are compared.

What is too short for that, an operation or a kernel, is timed by ``interleaved`` in one process.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "REST",
    "RESULTS",
    "Build",
    "Ratio",
    "Result",
    "Step",
    "compare",
    "contest",
    "describe_machine",
    "interleaved",
    "ratio",
    "report",
    "save",
    "stem",
]

Step = Callable[[], object]
Build = Callable[..., Step]

RESULTS = Path(__file__).parent / "results"
REST = 0.2  # seconds


class Result(NamedTuple):
    """The measurements of one contestant: seconds per step, by round, and its memory in MiB."""

    rounds: list[list[float]]
    baseline_mib: float = math.nan
    peak_mib: float = math.nan

    @property
    def median(self) -> float:
        """The median of all steps, in seconds."""
        return statistics.median(seconds for block in self.rounds for seconds in block)

    @property
    def ms(self) -> float:
        """The median of all steps, in milliseconds."""
        return self.median * 1e3


class Ratio(NamedTuple):
    """A ratio of medians, and the quartiles of the ratios in each round: its spread."""

    median: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """As a cell of a table, each number in the given format: "**1.50** (1.45-1.55)"."""
        return f"**{self.median:{spec}}** ({self.low:{spec}}-{self.high:{spec}})"


def contest(
    builds: dict[str, Build], args: tuple[Any, ...], rounds: int, steps: int
) -> dict[str, Result]:
    """Make the step of every ``build(*args)`` and run them in turns: rounds x steps times each.

    A build that raises ImportError (its framework is not installed) is left out.
    """
    spawn = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name, build in builds.items():
        pipe, other_end = spawn.Pipe()
        spawn.Process(target=_serve, args=(other_end, build, args), daemon=True).start()
        if pipe.recv():
            pipes[name] = pipe
    blocks: dict[str, list[list[float]]] = {name: [] for name in pipes}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            time.sleep(REST)
            pipe.send(steps)
            blocks[name].append(pipe.recv())
    results = {}
    for name, pipe in pipes.items():
        pipe.send(None)
        results[name] = Result(blocks[name], *pipe.recv())
    return results


def compare(
    name: str,
    builds: dict[str, Build],
    works: Iterable[tuple[Any, ...]],
    columns: Sequence[str],
    rows: Callable[[Any, Result, Result], tuple[list[str], dict[str, Any]]],
    options: Any,
) -> None:
    """Run a contest of two builds for each work, print one table of all and save it.

    rows(work, first, second) gives the lines of a work and its numbers.
    """
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    numbers: dict[str, Any] = {}
    for work in works:
        results = contest(builds, work, options.rounds, options.steps)
        more_lines, more_numbers = rows(work, *results.values())
        lines += more_lines
        numbers |= more_numbers
    report(name + options.more, lines, numbers, options.results)


def _serve(pipe: Connection, build: Build, args: tuple[Any, ...]) -> None:
    """Run one contestant in its process."""
    try:
        step = build(*args)
    except ImportError:
        pipe.send(False)
        return
    baseline = _current_mib()
    pipe.send(True)
    while (steps := pipe.recv()) is not None:
        step(), step()  # leave the caches as a long run of steps would
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        pipe.send(seconds)
    pipe.send((baseline, _peak_mib()))


def _current_mib() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return math.nan
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def interleaved(
    steps: dict[str, Step], rounds: int, least: float = 0.0, rest: float = 0.0
) -> dict[str, Result]:
    """Run all steps in turns in this process: one measurement of each per round.

    least: the approximate duration of a measurement in seconds; a shorter step is repeated, after
    one call that is not measured, and the mean is taken. 0: each step runs once.
    rest: seconds before each measurement; REST if only some of the steps multiply matrices.
    """
    calls = {name: _calls_within(least, step) for name, step in steps.items()}
    results = {name: Result([]) for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            time.sleep(rest)
            if least:
                step()
            start = time.perf_counter()
            for _ in range(calls[name]):
                step()
            results[name].rounds.append([(time.perf_counter() - start) / calls[name]])
    return results


def _calls_within(least: float, step: Step) -> int:
    """How many calls of a step take about that many seconds; they also warm it up."""
    step()
    if not least:
        return 1
    calls, seconds = 1, 0.0
    while seconds < least / 4:
        calls *= 2
        start = time.perf_counter()
        for _ in range(calls):
            step()
        seconds = time.perf_counter() - start
    return max(1, round(calls * least / seconds))


def _peak_mib() -> float:
    # Not getrusage: a new process inherits the peak of the one that started it.
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux
        return math.nan
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM")), math.nan)


def ratio(a: Result, b: Result) -> Ratio:
    """The ratio of the medians a / b with its spread."""
    by_round = [
        statistics.median(x) / statistics.median(y) for x, y in zip(a.rounds, b.rounds, strict=True)
    ]
    low, _, high = statistics.quantiles(by_round, n=4)
    return Ratio(a.median / b.median, low, high)


def describe_machine() -> dict[str, Any]:
    """The processor, the libraries, and the BLAS that NumPy uses for matrix products."""
    import numpy as np

    description: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    try:
        import threadpoolctl

        pools = threadpoolctl.threadpool_info()
        description["blas"] = [
            f"{p['internal_api']} {p.get('version')} {p.get('architecture')} x{p['num_threads']}"
            for p in pools
        ]
    except ImportError:
        description["blas"] = "unknown: threadpoolctl is not installed"
    try:
        import torch

        description["torch"] = f"{torch.__version__} x{torch.get_num_threads()}"
    except ImportError:
        description["torch"] = "not installed"
    return description


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def report(call: str, lines: list[str], numbers: dict[str, Any], directory: Path | None) -> None:
    """Print the lines of a table and save it."""
    table = "\n".join(lines)
    print(table)
    save(call, table, numbers, directory)


def save(call: str, table: str, numbers: dict[str, Any], directory: Path | None = RESULTS) -> None:
    """Save a table and its numbers in the directory (None: nowhere), with machine and command.

    call is the command without ``python -m benchmarks.``.
    """
    if directory is None:
        return
    directory.mkdir(exist_ok=True)
    machine = describe_machine()
    command = f"python -m benchmarks.{call}"
    name = stem(call)
    facts = "\n".join(f"    {key}: {value}" for key, value in machine.items())
    text = f"# `{command}`\n\n{table}\n\nMachine:\n\n{facts}\n"
    (directory / f"{name}.md").write_text(text, encoding="utf-8")
    content = json.dumps({"command": command, "machine": machine, **numbers}, indent=1)
    (directory / f"{name}.json").write_text(content + "\n", encoding="utf-8")


def stem(call: str) -> str:
    """The name of the result files of a call: its words without the options."""
    return "_".join(word for word in call.split() if not word.startswith("-"))

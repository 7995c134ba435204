"""Timing several programs against each other on a noisy machine.

Each contestant works in a process of its own, so that each has a peak memory of its own. They
take turns, a short block each, round after round; what the machine does meanwhile meets all of
them alike. Between two blocks all rest, until the threads of the last one have stopped waiting for
work: OpenBLAS lets them spin for 0.1 s after a matrix product, which would cost the next contestant
a core. Compared are medians.

What is too short for that, an op or a kernel, is timed by ``interleaved`` within one process.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "REST",
    "RESULTS",
    "Build",
    "Result",
    "Step",
    "contest",
    "describe_machine",
    "interleaved",
    "ratio",
    "save",
    "stem",
]

Step = Callable[[], object]
Build = Callable[..., Step]

RESULTS = Path(__file__).parent / "results"
REST = 0.2  # seconds


class Result(NamedTuple):
    """What one contestant did: seconds for each step by round, and its memory in MiB."""

    rounds: list[list[float]]
    baseline_mib: float = math.nan
    peak_mib: float = math.nan

    @property
    def median(self) -> float:
        """The median of all steps, in seconds."""
        return statistics.median(seconds for block in self.rounds for seconds in block)


def contest(
    builds: dict[str, Build], args: tuple[Any, ...], rounds: int, steps: int
) -> dict[str, Result]:
    """Let every ``build(*args)`` make its step and run it in turns: rounds x steps times each.

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


def _serve(pipe: Connection, build: Build, args: tuple[Any, ...]) -> None:
    """What runs in the process of one contestant."""
    try:
        step = build(*args)
    except ImportError:
        pipe.send(False)
        return
    baseline = _current_mib()
    pipe.send(True)
    while (steps := pipe.recv()) is not None:
        step(), step()  # to find the caches as a run of steps finds them
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
    """Let all steps take turns within this process: one measurement of each in a round.

    least: about how many seconds a measurement takes; a shorter step is repeated, after one call
    that does not count, and the mean is taken. 0: each step runs once.
    rest: seconds before each measurement, REST where some steps multiply matrices and others don't.
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
    """How many calls of a step, which is warm afterwards, last about that many seconds."""
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
    # Not getrusage: a new process takes over the peak of the one that started it.
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux
        return math.nan
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM")), math.nan)


def ratio(a: Result, b: Result) -> tuple[float, float, float]:
    """The ratio of medians a / b, and the quartiles of the ratios round by round: its spread."""
    by_round = [
        statistics.median(x) / statistics.median(y) for x, y in zip(a.rounds, b.rounds, strict=True)
    ]
    low, _, high = statistics.quantiles(by_round, n=4)
    return a.median / b.median, low, high


def describe_machine() -> dict[str, Any]:
    """The processor, the libraries and what NumPy computes matrix products with."""
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


def save(call: str, table: str, numbers: dict[str, Any], directory: Path | None = RESULTS) -> None:
    """Keep a table and its numbers in the directory (None: nowhere), with machine and command.

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
    """The name of the files that keep the results of a call: its words without the options."""
    return "_".join(word for word in call.split() if not word.startswith("-"))

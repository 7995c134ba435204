"""The list of all benchmarks, and how to run them.

    python -m benchmarks                    list the questions
    python -m benchmarks NAME [options]     run one of them, NAME as below; --help lists its options
    python -m benchmarks all [--quick]      run them one after another

--quick is a trial run; its figures are meaningless and are not saved.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module

__all__ = ["NAMES", "main"]

NAMES = (
    "train_step",
    "cpu_vs_gpu",
    "gpu_smoke",
    "gpu_steps",
    "gpu_times",
    "gpu_sanitize",
    "end_to_end",
    "kernels",
    "scaling",
    "overhead",
    "operations",
    "memory",
    "large",
    "convolutions",
    "parallel",
    "startup",
    "page",
    "busy",
    "accuracy",
    "bands",
    "weight_gradient",
    "pointwise",
    "flat_buffer",
    "memory_reuse",
    "before_after",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """List the questions, or run the benchmark that the first argument names."""
    name, *options = arguments or sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(__doc__)
        for listed in NAMES:
            print(f"    {listed:16} {question(listed)}")
    elif name == "all":
        run_all(options)
    elif name in NAMES:
        run(name, options)
    else:
        sys.exit(f"benchmark: got {name!r}, expected all or one of {', '.join(NAMES)}")


def question(name: str) -> str:
    """The first line of a benchmark's docstring."""
    return (import_module(f"benchmarks.{name}").__doc__ or "").split("\n")[0]


def run(name: str, options: list[str]) -> None:
    """Run a benchmark, or say which library it needs is missing."""
    try:
        import_module(f"benchmarks.{name}").main(options)
    except ModuleNotFoundError as error:
        print(f"skipped: {error} (pip install '.[bench]')")


def run_all(options: list[str]) -> None:
    """Run every benchmark with the same options, each in its own process."""
    for name in NAMES:
        print(f"\n{name}: {question(name)}\n", flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks", name, *options], check=True)


if __name__ == "__main__":
    main()

"""How accurate does a network become with the course's recipe, over several seeds?

    python -m benchmarks.accuracy lenet5 --data mnist

It runs ``minicnn train`` once for each seed, as anybody would.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys

from .contest import save


def accuracy(network: str, data: str, seed: int) -> float:
    """The test accuracy, in percent, that one training run prints."""
    command = ["train", network, "--data", data, "--seed", str(seed)]
    run = [sys.executable, "-m", "minicnn", *command]
    output = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.search(r"test accuracy ([\d.]+)%", output)
    assert found, output
    return float(found[1])


def main() -> None:
    """Train with each seed, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on (default: 3)")
    options = parser.parse_args()
    lines = ["| network | data | seed | test accuracy |", "|---|---|---|---|"]
    found = []
    for seed in range(options.seeds):
        found.append(accuracy(options.network, options.data, seed))
        lines.append(f"| {options.network} | {options.data} | {seed} | {found[-1]:.2f}% |")
        print(lines[-1], flush=True)
    mean, low, high = statistics.mean(found), min(found), max(found)
    lines.append(
        f"| {options.network} | {options.data} | mean | **{mean:.2f}%** ({low:.2f} to {high:.2f}) |"
    )
    print(lines[-1])
    name = f"accuracy {options.network} --data {options.data} --seeds {options.seeds}"
    save(name, "\n".join(lines), {"test_accuracy_percent": found, "mean": mean})


if __name__ == "__main__":
    main()

"""How accurate does a network become with a recipe, over several seeds?

    python -m benchmarks.accuracy lenet5 --data mnist --recipe best

It runs the command ``minicnn train`` once for each seed (0, 1, ...); with --program keras, it runs
the course's recipe in Keras instead.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from minicnn.data import load, transforms
from minicnn.train.recipes import RECIPES

from .contest import save
from .networks import keras_network
from .options import Parser


def accuracy(network: str, data: str, seed: int, *more: str) -> float:
    """The test accuracy, in percent, printed by one training run (with more options)."""
    command = ["train", network, "--data", data, "--seed", str(seed), "--no-weights", *more]
    run = [sys.executable, "-m", "minicnn", *command]
    output = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.search(r"test accuracy ([\d.]+)%", output)
    assert found, output
    return float(found[1])


def keras_accuracy(network: str, data: str, seed: int, quick: bool) -> float:
    """The test accuracy, in percent, of the course's network and recipe in Keras."""
    recipe, grow = RECIPES[network]["course"], transforms.Resize((28, 28))
    (x, y), (x_test, y_test) = (
        (np.ascontiguousarray(grow(images).transpose(0, 2, 3, 1)), labels)  # (N, H, W, C)
        for images, labels in (part[:] for part in load(data))
    )
    _, model = keras_network(network, seed)
    model.fit(x, y, recipe.batch_size, 1 if quick else recipe.epochs, verbose=0)
    return 100 * float((model.predict(x_test, verbose=0).argmax(1) == y_test).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with each seed, print the table and save it."""
    parser = Parser(__doc__, seeds=(3, 1))
    parser.add_argument("network", nargs="?", default="lenet5")
    parser.add_argument("--data", help="default: mnist; with --quick: digits, for one epoch")
    parser.add_argument("--recipe", help="default: the network's first recipe")
    parser.add_argument("--program", choices=["minicnn", "keras"], default="minicnn")
    options = parser.options(arguments)
    options.data = options.data or ("digits" if options.quick else "mnist")
    more = ["--epochs", "1"] if options.quick else []
    more += ["--recipe", options.recipe] if options.recipe else []
    lines = ["| network | data | seed | test accuracy |", "|---|---|---|---|"]
    found = []
    for seed in range(options.seeds):
        if options.program == "keras":
            found.append(keras_accuracy(options.network, options.data, seed, options.quick))
        else:
            found.append(accuracy(options.network, options.data, seed, *more))
        lines.append(f"| {options.network} | {options.data} | {seed} | {found[-1]:.2f}% |")
        print(lines[-1], flush=True)
    mean, low, high = statistics.mean(found), min(found), max(found)
    lines.append(
        f"| {options.network} | {options.data} | mean | **{mean:.2f}%** ({low:.2f} to {high:.2f}) |"
    )
    print(lines[-1])
    name = f"accuracy {options.network} --data {options.data} --seeds {options.seeds}"
    name += f" --recipe {options.recipe}" if options.recipe else ""
    name += " --program keras" if options.program == "keras" else ""
    name += " --quick" if options.quick else ""
    numbers = {"test_accuracy_percent": found, "mean": mean}
    save(name, "\n".join(lines), numbers, options.results)


if __name__ == "__main__":
    main()

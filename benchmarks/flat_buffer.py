"""Is one flat buffer for all parameters faster than one update per parameter?

    python -m benchmarks.flat_buffer

Only Adam's step, with the gradients already computed: all parameters in one group (one buffer), and
each parameter in its own group (one buffer per parameter).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Step, contests, ratio, report
from .options import Parser

NETWORKS = ("lenet5", "alexnet_mnist")


def one_buffer(network: str) -> Step:
    """Adam over one group of all parameters."""
    return _adam_step(network, apart=False)


def a_buffer_each(network: str) -> Step:
    """Adam over a group for each parameter."""
    return _adam_step(network, apart=True)


def _adam_step(network: str, apart: bool) -> Step:
    import minicnn as mc

    parameters = list(getattr(mc.models, network)().parameters())
    for parameter in parameters:
        parameter.grad = mc.Tensor(np.full(parameter.shape, 1e-3, np.float32))
    groups: list[Any] = [{"params": [p]} for p in parameters] if apart else parameters
    return mc.optim.Adam(groups).step


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest for both networks, print its table and save it."""
    parser = Parser(__doc__, rounds=(20, 2), steps=(50, 5), networks=(len(NETWORKS), 1))
    options = parser.options(arguments)
    lines = [
        "| network | buffers | Adam's step, ms | one each / one for all (quartiles) |",
        "|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {}
    builds = {"one for all": one_buffer, "one each": a_buffer_each}
    works = [(network,) for network in NETWORKS[: options.networks]]
    for (network,), one, each in contests(builds, works, options.rounds, options.steps):
        quotient = ratio(each, one)
        lines.append(f"| {network} | one for all | {one.ms:.3f} |  |")
        lines.append(f"| {network} | one each | {each.ms:.3f} | {quotient:.2f} |")
        numbers[f"{network}, one for all"] = one.median
        numbers[f"{network}, one each"] = each.median
        numbers[f"{network}, ratio"] = quotient
    report("flat_buffer" + options.more, lines, numbers, options.results)


if __name__ == "__main__":
    main()

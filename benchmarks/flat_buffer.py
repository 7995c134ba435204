"""Is one flat buffer for all parameters faster than one update per parameter?

    python -m benchmarks.flat_buffer

Only Adam's step, with the gradients already computed: all parameters in one group (one buffer), and
each parameter in its own group (one buffer per parameter).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Result, Step, compare, ratio
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


def rows(work: Any, one: Result, each: Result) -> tuple[list[str], dict[str, Any]]:
    """Two rows for one network, and its numbers."""
    (network,) = work
    quotient = ratio(each, one)
    return [
        f"| {network} | one for all | {one.ms:.3f} |  |",
        f"| {network} | one each | {each.ms:.3f} | {quotient:.2f} |",
    ], {
        f"{network}, one for all": one.median,
        f"{network}, one each": each.median,
        f"{network}, ratio": quotient,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest for both networks, print its table and save it."""
    parser = Parser(__doc__, rounds=(20, 2), steps=(50, 5), networks=(len(NETWORKS), 1))
    options = parser.options(arguments)
    columns = "network", "buffers", "Adam's step, ms", "one each / one for all (quartiles)"
    builds = {"one for all": one_buffer, "one each": a_buffer_each}
    works = [(network,) for network in NETWORKS[: options.networks]]
    compare("flat_buffer", builds, works, columns, rows, options)


if __name__ == "__main__":
    main()

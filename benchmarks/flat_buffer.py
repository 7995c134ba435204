"""Is one flat buffer for all parameters faster than an update for each?

    python -m benchmarks.flat_buffer

Adam's step alone, the gradients being there: all parameters in one group (one buffer), and each in
a group of its own (a buffer for each).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Step, contest, ratio, save
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
    """Run the contest for both networks, print its table and keep it."""
    options = Parser(__doc__, rounds=(20, 2), steps=(50, 5), networks=(len(NETWORKS), 1)).options(
        arguments
    )
    lines = [
        "| network | buffers | Adam's step, ms | one each / one for all (quartiles) |",
        "|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {}
    for network in NETWORKS[: options.networks]:
        contestants = {"one for all": one_buffer, "one each": a_buffer_each}
        results = contest(contestants, (network,), options.rounds, options.steps)
        quotient, low, high = ratio(results["one each"], results["one for all"])
        for name, result in results.items():
            compared = f"**{quotient:.2f}** ({low:.2f}-{high:.2f})" if name == "one each" else ""
            lines.append(f"| {network} | {name} | {result.median * 1e3:.3f} | {compared} |")
            numbers[f"{network}, {name}"] = result.median
        numbers[f"{network}, ratio"] = [quotient, low, high]
    table = "\n".join(lines)
    print(table)
    call = "flat_buffer" + options.more
    save(call, table, numbers, options.results)


if __name__ == "__main__":
    main()

"""How much memory does a training step take, by batch size, compared with PyTorch?

    python -m benchmarks.memory

Each network and batch size runs in its own process: first the imports, then the network, the
optimizer and the batch are created, and a few steps are run. Peak is the maximum of the resident
memory; growth is what was added to the memory after the imports (which include what PyTorch loads
when its first optimizer is created).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .contest import Build, Step, contest, report
from .devices import compiled
from .networks import minicnn_step, native_step, torch_step
from .options import Parser
from .plots import BLUE, GREEN, ORANGE, plot

NETWORKS = ("lenet5", "alexnet_mnist")
BATCH_SIZES = (1, 32, 128, 512)
COLUMNS = ("network", "batch", "program", "peak, MiB", "growth over the imports, MiB")


def minicnn_after_imports(network: str, batch: int) -> Step:
    """The step in minicnn, created when it is first called."""
    import minicnn as mc

    mc.optim.Adam([mc.Parameter(mc.tensor([1.0]).data)])
    return _made_when_called(minicnn_step, network, batch)


def native_after_imports(network: str, batch: int) -> Step:
    """The step in minicnn on the device "native", created when it is first called."""
    compiled()
    minicnn_after_imports(network, batch)
    return _made_when_called(native_step, network, batch)


def torch_after_imports(network: str, batch: int) -> Step:
    """The step in PyTorch, created when it is first called."""
    import torch

    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])
    return _made_when_called(torch_step, network, batch)


def _made_when_called(build: Build, network: str, batch: int) -> Step:
    made: list[Step] = []

    def step() -> None:
        if not made:
            made.append(build(network, batch))
        made[0]()

    return step


CONTESTANTS = {
    "minicnn": minicnn_after_imports,
    "minicnn native": native_after_imports,
    "PyTorch": torch_after_imports,
}
COLOURS = {"minicnn": BLUE, "minicnn native": GREEN, "PyTorch": ORANGE}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every process, print the table, save it and draw it."""
    parser = Parser(
        __doc__, steps=(5, 1), networks=(len(NETWORKS), 1), batch_sizes=(len(BATCH_SIZES), 1)
    )
    options = parser.options(arguments)
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    rows: list[dict[str, Any]] = []
    for network in NETWORKS[: options.networks]:
        for batch in BATCH_SIZES[: options.batch_sizes]:
            results = contest(CONTESTANTS, (network, batch), rounds=1, steps=options.steps)
            for name, result in results.items():
                growth = result.peak_mib - result.baseline_mib
                row = (network, batch, name, round(result.peak_mib, 1), round(growth, 1))
                lines.append(f"| {' | '.join(map(str, row))} |")
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    call = "memory" + options.more
    report(call, lines, {"rows": rows}, options.results)
    plot(call, options.results, (8, 2.8), lambda figure: draw(figure, rows))


def draw(figure: Any, rows: list[dict[str, Any]]) -> None:
    """One panel per network: growth over the batch size."""
    panels = figure.subplots(1, len(NETWORKS), sharey=True)
    for axes, network in zip(panels, NETWORKS, strict=True):
        for program, colour in COLOURS.items():
            shown = [r for r in rows if (r["network"], r["program"]) == (network, program)]
            if shown:
                batches, growth = [r["batch"] for r in shown], [r[COLUMNS[-1]] for r in shown]
                axes.plot(batches, growth, "o-", color=colour, label=program)
        axes.set(title=network, xlabel="images in a batch")
        axes.set_xticks(BATCH_SIZES)
        axes.grid()
    panels[0].set_ylabel("growth over the imports, MiB")
    panels[0].set_ylim(bottom=0)
    panels[0].legend()


if __name__ == "__main__":
    main()

"""How much does an epoch of MNIST cost beyond its bare training steps?

    python -m benchmarks.end_to_end

LeNet-5, batches of 128. The epoch uses the DataLoader (shuffled) and the Trainer (loss and accuracy
of every batch); the floor is the same number of training steps on one batch that stays in memory.
Both run in one process, in turns. The target is at most TARGET times the floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minicnn as mc

from .contest import Result, Step, interleaved, ratio, report
from .networks import minicnn_step
from .options import Parser
from .plots import BLUE, GREY, plot

TARGET = 1.1
NAMES = ("epoch", "bare steps")


def epoch(images: mc.data.ArrayDataset, batch: int) -> Step:
    """One more epoch with DataLoader and Trainer."""
    mc.manual_seed(0)
    model = mc.models.lenet5()
    trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()))
    batches = mc.data.DataLoader(images, batch, shuffle=True, seed=0, drop_last=True)
    return lambda: trainer.fit(batches, epochs=1)


def bare_steps(count: int, batch: int) -> Step:
    """That many training steps on one batch."""
    one = minicnn_step("lenet5", batch)

    def steps() -> None:
        for _ in range(count):
            one()

    return steps


def main(arguments: Sequence[str] | None = None) -> None:
    """Run epochs and bare steps in turns, print the table, save it and draw it."""
    parser = Parser(__doc__, rounds=(7, 2), batch_size=(128, 8), images=(60_000, 16))
    options = parser.options(arguments)
    if mc.data.locate("mnist") is None:
        print("skipped: MNIST is not on this machine; download it with `minicnn data get mnist`")
        return
    images = mc.data.load("mnist", "train").subset(slice(options.images))
    count = len(images) // options.batch_size
    steps = (epoch(images, options.batch_size), bare_steps(count, options.batch_size))
    results = interleaved(dict(zip(NAMES, steps, strict=True)), options.rounds)
    times = ratio(results["epoch"], results["bare steps"])
    lines = [
        "| program | seconds | images/s | epoch / bare steps (quartiles) | target |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        speed = count * options.batch_size / result.median
        compared = f"{times:.3f} | {TARGET}" if name == "epoch" else "|"
        lines.append(f"| {name} | {result.median:.3f} | {speed:,.0f} | {compared} |")
    numbers = {
        "steps": count,
        "batch_size": options.batch_size,
        "seconds": {name: [s for (s,) in result.rounds] for name, result in results.items()},
        "ratio": times,
    }
    call = "end_to_end" + options.more
    report(call, lines, numbers, options.results)
    plot(call, options.results, (8, 1.6), lambda figure: draw(figure, results))


def draw(figure: Any, results: dict[str, Result]) -> None:
    """A dot for each round, a bar for the median."""
    axes = figure.subplots()
    for place, (name, colour) in enumerate(zip(NAMES, (BLUE, GREY), strict=True)):
        axes.barh(place, results[name].median, color=colour, alpha=0.3, height=0.5)
        seconds = [s for (s,) in results[name].rounds]
        axes.plot(seconds, [place] * len(seconds), "o", color=colour, markersize=4)
    axes.set_yticks(range(len(NAMES)), NAMES)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds for an epoch of LeNet-5 on MNIST (dots: rounds, bars: medians)")


if __name__ == "__main__":
    main()

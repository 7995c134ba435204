"""How much does an epoch of MNIST cost beyond its bare training steps, and how long is training?

    python -m benchmarks.end_to_end

LeNet-5, batches of 128. The epoch uses the DataLoader (shuffled) and the Trainer (loss and accuracy
of every batch); the floor is the same number of training steps on one batch that stays in memory.
Both run in one process, in turns and with a rest before each, on minicnn's devices "cpu" and
"native". The target is at most TARGET times the floor.

Then the seconds from the start of a program until LeNet-5 is as accurate on the test images as the
course's (98.71 %), over some seeds, in minicnn, PyTorch, and Keras; ``to_accuracy.py`` says what is
included. How many epochs that takes depends on the random weights.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import minicnn as mc

from .contest import REST, Result, Step, interleaved, ratio, report
from .devices import REFERENCE, programs
from .networks import minicnn_step
from .options import Parser
from .plots import BLUE, GREY, plot
from .to_accuracy import COURSE_ACCURACY, PROGRAMS, Training, train_until

TARGET = 1.1
PARTS = ("epoch", "accuracy")


def epoch(images: mc.data.ArrayDataset, batch: int, device: str) -> Step:
    """One more epoch with DataLoader and Trainer."""
    mc.manual_seed(0)
    model = mc.models.lenet5().to(device)
    trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()))
    batches = mc.data.DataLoader(images, batch, shuffle=True, seed=0, drop_last=True)
    return lambda: trainer.fit(batches, epochs=1)


def bare_steps(count: int, batch: int, device: str) -> Step:
    """That many training steps on one batch."""
    one = minicnn_step("lenet5", batch, device)

    def steps() -> None:
        for _ in range(count):
            one()

    return steps


def main(arguments: Sequence[str] | None = None) -> None:
    """Run epochs and bare steps in turns, then trainings; print the tables, save and draw them."""
    parser = Parser(
        __doc__,
        rounds=(7, 2),
        batch_size=(128, 8),
        images=(60_000, 16),
        seeds=(3, 2),
        most_epochs=(20, 1),
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.options(arguments)
    if mc.data.locate("mnist") is None:
        print("skipped: MNIST is not on this machine; download it with `minicnn data get mnist`")
        return
    call = "end_to_end" + options.more
    call += f" --parts {options.parts[0]}" if len(options.parts) == 1 else ""
    lines: list[str] = []
    numbers: dict[str, Any] = {}
    epochs: dict[str, Result] = {}
    if "epoch" in options.parts:
        epochs = measure_epochs(options, lines, numbers)
    if "accuracy" in options.parts:
        measure_trainings(options, lines, numbers)
    report(call, lines, numbers, options.results)
    if epochs:
        plot(call, options.results, (8, 2.2), lambda figure: draw(figure, epochs))


def measure_epochs(options: Any, lines: list[str], numbers: dict[str, Any]) -> dict[str, Result]:
    """Compare an epoch with its bare steps on each device; add the table and the numbers."""
    images = mc.data.load("mnist", "train").subset(slice(options.images))
    batch, devices = options.batch_size, programs()
    count = len(images) // batch
    steps: dict[str, Step] = {}
    for program, device in devices.items():
        steps[f"{program}, epoch"] = epoch(images, batch, device)
        steps[f"{program}, bare steps"] = bare_steps(count, batch, device)
    results = interleaved(steps, options.rounds, rest=0.0 if options.quick else REST)
    lines += [
        "| program | seconds | images/s | epoch / bare steps (quartiles) | target "
        "| native / this (quartiles) |",
        "|---|---|---|---|---|---|",
    ]
    numbers |= {"steps": count, "batch_size": batch, "seconds": {}, "ratio": {}}
    for name, result in results.items():
        program, part = name.split(", ")
        times = ratio(results[f"{program}, epoch"], results[f"{program}, bare steps"])
        native = results.get(f"{REFERENCE}, {part}")
        compared = f"{ratio(native, result):.2f}" if native and program != REFERENCE else ""
        beyond = f"{times:.3f} | {TARGET}" if part == "epoch" else " | "
        speed = count * batch / result.median
        lines.append(f"| {name} | {result.median:.3f} | {speed:,.0f} | {beyond} | {compared} |")
        numbers["seconds"][name] = [s for (s,) in result.rounds]
        numbers["ratio"][program] = times
    return results


def measure_trainings(options: Any, lines: list[str], numbers: dict[str, Any]) -> None:
    """Train in each program until the course's accuracy; add the table and the numbers."""
    found: dict[str, list[Training]] = {}
    for seed in range(options.seeds):
        for program in PROGRAMS:
            training = train_until(program, seed, options.images, options.most_epochs)
            if training is not None:
                found.setdefault(program, []).append(training)
    lines += [
        *([""] if lines else []),
        f"| program | seconds from start to {COURSE_ACCURACY:.2%} (lowest to highest) "
        "| of them before training | epochs | seconds per epoch |",
        "|---|---|---|---|---|",
    ]
    for program, trainings in found.items():
        lines.append(training_line(program, trainings))
    numbers["to_accuracy"] = {
        program: [training._asdict() for training in trainings]
        for program, trainings in found.items()
    }


def training_line(program: str, trainings: list[Training]) -> str:
    """The row of a program: medians over the seeds, and the epochs of each."""
    seconds = [training.seconds if training.is_accurate else math.inf for training in trainings]
    per_epoch = [(x.seconds - x.setup) / len(x.accuracies) for x in trainings]
    epochs = [
        str(len(x.accuracies)) if x.is_accurate else f"not in {len(x.accuracies)}"
        for x in trainings
    ]
    return (
        f"| {program} | **{statistics.median(seconds):.1f}** "
        f"({min(seconds):.1f} to {max(seconds):.1f}) "
        f"| {statistics.median(x.setup for x in trainings):.1f} | {', '.join(epochs)} "
        f"| {statistics.median(per_epoch):.2f} |"
    )


def draw(figure: Any, results: dict[str, Result]) -> None:
    """A dot for each round, a bar for the median."""
    axes = figure.subplots()
    for place, (name, result) in enumerate(results.items()):
        colour = BLUE if name.endswith("epoch") else GREY
        axes.barh(place, result.median, color=colour, alpha=0.3, height=0.5)
        seconds = [s for (s,) in result.rounds]
        axes.plot(seconds, [place] * len(seconds), "o", color=colour, markersize=4)
    axes.set_yticks(range(len(results)), list(results))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds for an epoch of LeNet-5 on MNIST (dots: rounds, bars: medians)")


if __name__ == "__main__":
    main()

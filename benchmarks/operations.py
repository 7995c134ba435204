"""How many operations does a training step ask of a GPU, and does it wait for it?

    python -m benchmarks.operations [--before FILE]

A step of a small network takes as long as its operations take to be launched, some microseconds
each, however fast the GPU is. They are counted with the stand-in for CuPy of the tests, which needs
a C++ compiler but no GPU: kernels of minicnn, CuPy's elementwise operations and reductions, matrix
products, copies and fills; the launch of a CUDA graph is one operation. Each row is what one more
step (or one more forward and backward pass of a layer) asks for, after two. CuPy may launch more
than one kernel for a reduction.

--before: the JSON file of an earlier run, whose totals are put beside.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

import minicnn as mc
from minicnn import data, nn, ops, optim, train
from minicnn.backend import to_device
from minicnn.backend.layout import as_chwn, as_nchw

from .contest import Step, save
from .options import Parser

DEVICE = "cuda:0"
KINDS = ("kernel", "elementwise", "reduction", "product", "copy", "fill", "graph")
IMAGES = (16, 8, 6, 6)


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, print the table and save it."""
    parser = Parser(__doc__, batch=(128, 4))
    parser.add_argument("--before", type=Path, metavar="FILE")
    options = parser.options(arguments)
    if options.before and not options.before.is_file():
        parser.error(f"--before: got {options.before}, expected the JSON file of an earlier run")
    standing_in, gpu = _stand_in()
    try:
        mc.backend.resolve_device("emulator")
    except mc.DeviceError as error:
        sys.exit(f"operations: {error}")
    before = json.loads(options.before.read_text())["rows"] if options.before else {}
    with standing_in():
        rows = {
            name: _count(make(options.batch), gpu)
            for name, make in WORK.items()
            if not (options.quick and "AlexNet" in name)  # half a minute
        }
    table = _table(rows, {name: sum(row.get(k, 0) for k in KINDS) for name, row in before.items()})
    print(table)
    save("operations", table, {"rows": rows, "before": before}, options.results)


def _stand_in() -> tuple[Callable[[], AbstractContextManager[Any]], Any]:
    """The context in which CuPy is the stand-in of the tests, and what counts."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    try:
        module = import_module("support.fake_cupy")
    finally:
        del sys.path[0]
    return module.standing_in, module.GPU


def _count(step: Step, gpu: Any) -> dict[str, int]:
    """The operations of one step by kind, and how often the program waits."""
    for _ in range(2):
        step()
    gpu.waits.clear()
    with gpu.counting() as asked:
        step()
    kinds: Counter[str] = Counter()
    for name, times in asked.items():
        kinds[name.split()[0]] += times
    return {**{kind: kinds[kind] for kind in KINDS}, "waits": len(gpu.waits)}


def _batch(shape: tuple[int, ...]) -> mc.Tensor:
    """Images as a loader makes them: batch-last, on the device."""
    values = np.random.default_rng(0).random(shape, np.float32)
    return mc.Tensor(to_device(as_nchw(as_chwn(values)), DEVICE))


def _step(network: Callable[[], nn.Module], batch: int) -> Step:
    """A step of Adam, with other labels each time."""
    model = network().to(DEVICE)
    optimizer, shifts = optim.Adam(model.parameters()), count()
    x, labels = _batch((batch, 1, 28, 28)), np.arange(batch) % 10

    def step() -> None:
        loss = ops.cross_entropy(model(x), np.roll(labels, next(shifts)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _trainer_step(batch: int, **options: Any) -> Step:
    """What a Trainer does for each batch of a DataLoader, loss and accuracy included."""
    model = mc.models.lenet5()
    optimizer = optim.SGD(model.parameters(), 0.05, 0.9)
    trainer = train.Trainer(model, optimizer, device=DEVICE, **options)
    learn = train.steps.Steps(trainer, trainer._measures, trainer._parallel)
    learn.begin_epoch()
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (4 * batch, 28, 28), np.uint8)
    dataset = data.ArrayDataset(values, np.arange(4 * batch) % 10)
    loader = data.DataLoader(dataset, batch, shuffle=True, seed=0)
    batches = train.batches.place_batches(loader, DEVICE)

    def step() -> None:
        trainer.progress.end_batch(batch, *learn(*next(batches)))

    return step


def _layer(layer: Callable[[], nn.Module], *shape: int) -> Step:
    """Forward and backward of one layer, to its input and its parameters."""
    module = layer().to(DEVICE)
    x = _batch(shape or IMAGES)
    x.requires_grad = True
    seed = module(x).detach()
    inputs = [x, *module.parameters()]
    return lambda: mc.grad(module(x), inputs, seed)


WORK: dict[str, Callable[[int], Step]] = {
    "LeNet-5, a step of Adam": lambda batch: _step(mc.models.lenet5, batch),
    "simplified AlexNet, a step of Adam": lambda batch: _step(mc.models.alexnet_mnist, 4),
    "LeNet-5, a batch of a Trainer": lambda batch: _trainer_step(batch),
    "the same with clip_norm": lambda batch: _trainer_step(batch, clip_norm=5.0),
    "the same in a CUDA graph": lambda batch: _trainer_step(batch, clip_norm=5.0, graph=True),
    "BatchNorm2d": lambda _: _layer(lambda: nn.BatchNorm2d(8)),
    "LayerNorm": lambda _: _layer(lambda: nn.LayerNorm((8, 6, 6))),
    "LocalResponseNorm": lambda _: _layer(lambda: nn.LocalResponseNorm(5)),
    "GELU": lambda _: _layer(nn.GELU),
    "Sigmoid": lambda _: _layer(nn.Sigmoid),
    "Dropout": lambda _: _layer(nn.Dropout),
}


def _table(rows: dict[str, dict[str, int]], before: dict[str, int]) -> str:
    heads = ["", *KINDS, "waits", "operations", *["before"] * bool(before)]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, row in rows.items():
        cells = [name, *[str(row[kind]) for kind in (*KINDS, "waits")]]
        cells.append(f"**{sum(row[kind] for kind in KINDS)}**")
        cells += [str(before.get(name, ""))] if before else []
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""Does training on a GPU give the results of the CPU?

    python -m benchmarks.gpu_smoke

The first thing to run on a GPU. The losses of LeNet-5 and of the simplified AlexNet over five steps
of Adam from the same weights, in float64 and float32, and a short training by a Trainer that clips
gradients, on both devices; and the time until the first step is done, which includes compiling the
kernels. The program ends with status 1 if a difference is larger than rounding explains.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc

from .contest import report
from .gpu import add_device, chosen_device, device_name
from .networks import NETWORKS, QUICK, minicnn_step
from .options import Parser


class Check(NamedTuple):
    """Losses as a function of the device, and how far those of two devices may lie apart."""

    name: str
    losses: Callable[[str], list[float]]
    tolerance: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the checks on both devices, print the table and save it."""
    parser = Parser(__doc__, batch_size=(128, 4), steps=(5, 2), batches=(20, 2))
    add_device(parser)
    options = parser.options(arguments)
    device = chosen_device(options)
    lines = [
        "| check | last loss on the CPU | and on the device | largest relative difference | agree "
        "| CPU, s | device, s |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = []
    for check in checks(options):
        expected, cpu_seconds = _timed(check, "cpu")
        got, seconds = _timed(check, device)
        difference = float(np.max(np.abs(np.subtract(got, expected) / expected)))
        agree = difference <= check.tolerance  # False for NaN
        lines.append(
            f"| {check.name} | {expected[-1]:.6f} | {got[-1]:.6f} | {difference:.1e} "
            f"| {'yes' if agree else 'NO'} | {cpu_seconds:.2f} | {seconds:.2f} |"
        )
        rows.append({"check": check.name, "cpu": expected, "device": got, "agree": agree})
    lines += ["", f"The device: {device_name(device)}."]
    numbers = {"device": device_name(device), "checks": rows}
    report(f"gpu_smoke{options.more}", lines, numbers, options.results)
    if not all(row["agree"] for row in rows):
        sys.exit("gpu_smoke: the device and the CPU do not agree")


def checks(options: Any) -> list[Check]:
    """The networks, and the Trainer, whose many steps let rounding grow.

    In float32 rounding may choose another winner of a pool, whose gradient goes elsewhere.
    """
    batch_size, steps, batches = options.batch_size, options.steps, options.batches
    found = [
        Check(
            f"{network} in {dtype}, {steps} steps",
            _network_losses(network, batch_size, steps, dtype),
            tolerance,
        )
        for network in (QUICK if options.quick else NETWORKS)
        for dtype, tolerance in {"float64": 1e-9, "float32": 1e-2}.items()
    ]
    for graph in (False, True):
        name = f"Trainer, clip_norm, {batches} batches{', CUDA graph' if graph else ''}"
        found.append(Check(name, _trainer_losses(batch_size, batches, graph), 1e-2))
    return found


def _network_losses(
    network: str, batch: int, steps: int, dtype: str
) -> Callable[[str], list[float]]:
    def losses(device: str) -> list[float]:
        step: Any = minicnn_step(network, batch, device, dtype)
        return [float(step()) for _ in range(steps)]

    return losses


def _trainer_losses(batch: int, batches: int, graph: bool) -> Callable[[str], list[float]]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (batch * batches, 28, 28), np.uint8)
    dataset = mc.data.ArrayDataset(pixels, rng.integers(0, 10, batch * batches))

    def losses(device: str) -> list[float]:
        mc.manual_seed(0)
        model = mc.models.lenet5()
        optimizer = mc.optim.SGD(model.parameters(), 0.05, 0.9)
        options: dict[str, Any] = {"graph": graph and device.startswith("cuda")}
        trainer = mc.train.Trainer(model, optimizer, device=device, clip_norm=1.0, **options)
        loader = mc.data.DataLoader(dataset, batch, shuffle=True, seed=0)
        history = trainer.fit(loader, 2, validation=mc.data.DataLoader(dataset, 4 * batch))
        return [*history["loss"], *history["val_loss"]]

    return losses


def _timed(check: Check, device: str) -> tuple[list[float], float]:
    start = time.perf_counter()
    losses = check.losses(device)
    return losses, time.perf_counter() - start


if __name__ == "__main__":
    main()

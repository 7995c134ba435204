"""How long does one training step take, and how much memory, beside PyTorch?

    python -m benchmarks.train_step

One step is forward, loss, backward and Adam, in float32, on one batch that stays in memory. The
PyTorch networks are the same, layer for layer, ReLU after pooling included. For a fair contest
NumPy must find the BLAS kernels of this processor: unset OPENBLAS_CORETYPE where it is set.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from .contest import Step, contest, ratio, save


def minicnn_step(network: str, batch: int) -> Step:
    """The step in minicnn."""
    import minicnn as mc

    x, y = _batch(batch)
    mc.manual_seed(0)
    model = getattr(mc.models, network)()
    optimizer = mc.optim.Adam(model.parameters())
    images, labels = mc.Tensor(x), mc.Tensor(y)

    def step() -> None:
        loss = mc.ops.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def torch_step(network: str, batch: int, channels_last: bool = False) -> Step:
    """The step in PyTorch, in its default memory format or in channels_last."""
    import torch

    x, y = _batch(batch)
    torch.manual_seed(0)
    memory = torch.channels_last if channels_last else torch.contiguous_format
    model = torch.nn.Sequential(*_torch_layers(network)).to(memory_format=memory)
    optimizer = torch.optim.Adam(model.parameters())
    images = torch.tensor(np.ascontiguousarray(x)).contiguous(memory_format=memory)
    labels = torch.tensor(y)

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def channels_last_step(network: str, batch: int) -> Step:
    """The step in PyTorch in the memory format that suits its convolutions best."""
    return torch_step(network, batch, channels_last=True)


CONTESTANTS = {
    "minicnn": minicnn_step,
    "PyTorch": torch_step,
    "PyTorch channels_last": channels_last_step,
}


def _torch_layers(network: str) -> list[Any]:
    from torch import nn

    def stage(*sizes: int) -> list[Any]:
        return [nn.Conv2d(*sizes), nn.MaxPool2d(2), nn.ReLU()]

    if network == "lenet5":
        dense = [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
        return [*stage(1, 6, 5), *stage(6, 16, 5), nn.Flatten(), *dense]
    dense = [nn.Linear(1152, 128), nn.ReLU(), nn.Linear(128, 10)]
    last = [nn.Conv2d(64, 128, 3), nn.ReLU(), nn.Flatten()]
    return [*stage(1, 32, 3), *stage(32, 64, 3), *last, *dense]


def _batch(batch: int) -> tuple[Any, Any]:
    """Images (N, 1, 28, 28), batch-last as the DataLoader makes them, and labels (N,)."""
    rng = np.random.default_rng(0)
    pixels = rng.random((1, 28, 28, batch), np.float32)
    return pixels.transpose(3, 0, 1, 2), rng.integers(0, 10, batch)


def main() -> None:
    """Run the contest for both networks, print its table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=10, help="steps of each in a round")
    parser.add_argument("--batch-size", type=int, default=128)
    options = parser.parse_args()
    lines = [
        "| network | program | step, ms | minicnn / this (quartiles) | peak MiB | of it growth |",
        "|---|---|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {"batch_size": options.batch_size}
    for network in ("lenet5", "alexnet_mnist"):
        results = contest(CONTESTANTS, (network, options.batch_size), options.rounds, options.steps)
        for name, result in results.items():
            quotient, low, high = ratio(results["minicnn"], result)
            growth = result.peak_mib - result.baseline_mib
            compared = "" if name == "minicnn" else f"**{quotient:.2f}** ({low:.2f}-{high:.2f})"
            lines.append(
                f"| {network} | {name} | {result.median * 1e3:.2f} | {compared} "
                f"| {result.peak_mib:.0f} | {growth:.0f} |"
            )
            numbers[f"{network}, {name}"] = {
                "median_seconds": result.median,
                "minicnn_by_this": [quotient, low, high],
                "peak_mib": result.peak_mib,
                "growth_mib": growth,
            }
    table = "\n".join(lines)
    print(table)
    save("train_step", table, numbers)


if __name__ == "__main__":
    main()

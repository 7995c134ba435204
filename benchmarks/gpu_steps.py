"""How fast is a training step on a GPU, one by one and in a CUDA graph, and how fast is PyTorch's?

    python -m benchmarks.gpu_steps

A step of Adam of LeNet-5 and of the simplified AlexNet, with the batch already on the GPU, in
float32 without TF32: minicnn and PyTorch, operation by operation and replayed from a CUDA graph.
The graphs include copying the batch into their input. Host is what Python takes to queue a step,
wall what passes from step to step, gpu what the GPU takes by itself (``gpu.py``). Rows appear as
they are measured, the larger batches last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import minicnn as mc
from minicnn.train.step_graph import StepGraph

from .contest import Step, save
from .gpu import add_device, chosen_device, device_name, gpu_times, torch_on
from .networks import NETWORKS, QUICK, batch_of, minicnn_step, torch_step
from .options import Parser

BATCHES = (128, 1024, 4096)
WARM_UP = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Time every step, print each row at once, and save the table after each."""
    parser = Parser(__doc__, rounds=(3, 1), batches=(len(BATCHES), 1))
    add_device(parser)
    options = parser.options(arguments)
    device = chosen_device(options)
    batches = (2,) if options.quick else BATCHES[: options.batches]
    lines = [
        f"The device: {device_name(device)}.",
        "",
        "| network | batch | step | host, µs | wall, µs | GPU time, µs | images/s |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    rows: list[dict[str, Any]] = []
    for batch in batches:
        for network in QUICK if options.quick else NETWORKS:
            for name, make in contestants(device).items():
                times = gpu_times(make(network, batch), device, options.rounds)
                cells = [f"{seconds * 1e6:.1f}" for seconds in times]
                cells = [network, str(batch), name, *cells, f"{batch / times.wall:,.0f}"]
                lines.append(f"| {' | '.join(cells)} |")
                print(lines[-1], flush=True)
                rows.append({"network": network, "batch": batch, "step": name, **times._asdict()})
                numbers = {"device": device_name(device), "rows": rows}
                save(f"gpu_steps{options.more}", "\n".join(lines), numbers, options.results)


def contestants(device: str) -> dict[str, Callable[[str, int], Step]]:
    """What makes each step; graphs and PyTorch where there are any."""
    found: dict[str, Callable[[str, int], Step]] = {"minicnn": partial(minicnn_step, device=device)}
    if device.startswith("cuda"):
        found["minicnn, graph"] = partial(graph_step, device=device)
    if torch_on(device):
        found["PyTorch"] = partial(torch_step, device=device)
        found["PyTorch, graph"] = partial(torch_graph_step, device=device)
    return found


def graph_step(network: str, batch: int, device: str) -> Step:
    """The step as ``Trainer(graph=True)`` does it."""
    pixels, labels = batch_of(batch)
    model = getattr(mc.models, network)().to(device)
    optimizer = mc.optim.Adam(model.parameters())
    x, y = mc.Tensor(pixels).to(device), mc.Tensor(labels)

    def compute(images: mc.Tensor, classes: mc.Tensor) -> dict[str, mc.Tensor]:
        loss = mc.ops.cross_entropy(model(images), classes)
        optimizer.zero_grad()
        loss.backward()
        return {"loss": loss}

    graph = StepGraph(compute, model.parameters(), device)

    def step() -> object:
        values = graph(x, y)
        optimizer.step()
        return values

    for _ in range(WARM_UP):
        step()
    return step


def torch_graph_step(network: str, batch: int, device: str) -> Step:
    """PyTorch's step as its documentation captures it."""
    import torch

    step = torch_step(network, batch, device=device, capturable=True)
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    given, kept = (torch.zeros(batch, 1, 28, 28, device=device) for _ in range(2))
    classes, kept_classes = (torch.zeros(batch, dtype=torch.int64, device=device) for _ in range(2))

    def replay() -> object:
        kept.copy_(given)  # what a new batch would cost
        kept_classes.copy_(classes)
        graph.replay()
        return step  # keeps the tensors of the graph

    return replay


if __name__ == "__main__":
    main()

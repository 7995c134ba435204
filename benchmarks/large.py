"""And with larger work: the full AlexNet of 2012, and convolutions of the sizes in ResNet?

    python -m benchmarks.large

AlexNet: one training step (forward, loss, backward, SGD with momentum and weight decay) of the
paper's network on 32 images of 227x227, with two groups, local response normalisation and dropout;
60,965,224 parameters. Convolutions: forward and backward, to the images and to the weights, of
single layers without bias as in ResNet, on 32 images.

minicnn on its devices "cpu" and "native" against PyTorch in its default memory format and in
channels_last, all in float32, with one thread per core, and with the data in the memory order that
suits each best. AlexNet is built by the same lines from ``minicnn.nn`` and from ``torch.nn``, whose
layers share names and arguments. Before the contest the same weights must give the same loss
(dropout off) or the same weight gradient.
"growth" is the memory that the steps add to a process that already holds its parameters and data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Build, Result, Step, contest, save
from .devices import compiled, copy_to
from .networks import cores, initial, training_step
from .options import Parser
from .plots import plot
from .train_step import HEAD, draw_bars, rows, same_results

__all__ = ["main"]

PARAMETERS = 60_965_224
CONVOLUTIONS = {  # input channels, output channels, size of images, size of kernels
    "conv 64 -> 64, 3x3 at 56x56": (64, 64, 56, 3),
    "conv 128 -> 128, 3x3 at 28x28": (128, 128, 28, 3),
    "conv 256 -> 256, 3x3 at 14x14": (256, 256, 14, 3),
    "conv 512 -> 512, 3x3 at 7x7": (512, 512, 7, 3),
    "conv 64 -> 256, 1x1 at 56x56": (64, 256, 56, 1),
}
WORKS = ("alexnet", "convolutions")


def alexnet(nn: Any, dropout: float) -> Any:
    """AlexNet with 1000 logits for (N, 3, 227, 227), built from the layers in nn.

    The paper's n = 5, k = 2, alpha = 1e-4, beta = 0.75 does not divide alpha by n; the layers do.
    Source: Krizhevsky, Sutskever and Hinton, 2012.
    """

    def normalised() -> Any:
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)

    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), normalised()),  # (N, 96, 55, 55)
        nn.MaxPool2d(3, 2),  # (N, 96, 27, 27)
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), normalised()),
        nn.MaxPool2d(3, 2),  # (N, 256, 13, 13)
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU()),
        nn.MaxPool2d(3, 2),  # (N, 256, 6, 6)
        nn.Flatten(),  # (N, 9216)
        *(nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(dropout)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(4096, 1000),
    )


# The paper's, except for its rate of 0.01: many steps on one batch must not end in NaN.
RECIPE: dict[str, Any] = {"lr": 1e-4, "momentum": 0.9, "weight_decay": 5e-4}


def minicnn_alexnet(batch: int, dropout: float, device: str = "cpu") -> Step:
    """The step in minicnn."""
    import minicnn as mc

    model = alexnet(mc.nn, dropout).to(device)
    parameters = list(model.parameters())
    assert sum(parameter.size for parameter in parameters) == PARAMETERS
    for parameter, value in zip(parameters, initial(p.shape for p in parameters), strict=True):
        parameter.data[...] = value
    optimizer = mc.optim.SGD(parameters, **RECIPE)
    x, y = _batch(batch)
    images, labels = mc.Tensor(x).to(device), mc.Tensor(y)
    return training_step(model, mc.ops.cross_entropy, optimizer, images, labels)


def native_alexnet(batch: int, dropout: float) -> Step:
    """The step in minicnn on the device "native"."""
    return minicnn_alexnet(batch, dropout, compiled())


def torch_alexnet(batch: int, dropout: float, channels_last: bool = False) -> Step:
    """The step in PyTorch, in its default memory format or in channels_last."""
    import torch

    torch.set_num_threads(cores())
    memory = torch.channels_last if channels_last else torch.contiguous_format
    model = alexnet(torch.nn, dropout).to(memory_format=memory)
    parameters = list(model.parameters())
    assert sum(parameter.numel() for parameter in parameters) == PARAMETERS
    with torch.no_grad():
        shapes = (tuple(parameter.shape) for parameter in parameters)
        for parameter, value in zip(parameters, initial(shapes), strict=True):
            parameter.copy_(torch.from_numpy(value))
    optimizer = torch.optim.SGD(parameters, **RECIPE)
    x, y = _batch(batch)
    images = torch.tensor(np.ascontiguousarray(x)).contiguous(memory_format=memory)
    labels = torch.tensor(y)
    return training_step(model, torch.nn.functional.cross_entropy, optimizer, images, labels)


def channels_last_alexnet(batch: int, dropout: float) -> Step:
    """The step in PyTorch in channels_last."""
    return torch_alexnet(batch, dropout, channels_last=True)


def _batch(batch: int) -> tuple[Any, Any]:
    """Images (N, 3, 227, 227), batch-last as the DataLoader makes them, and labels (N,)."""
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((3, 227, 227, batch), np.float32)
    return pixels.transpose(3, 0, 1, 2), rng.integers(0, 1000, batch)


def minicnn_convolution(
    channels: int, outputs: int, size: int, kernel: int, batch: int, device: str = "cpu"
) -> Step:
    """Forward and backward in minicnn."""
    import minicnn as mc

    pixels, value, grad = (
        copy_to(device, array) for array in _convolution(channels, outputs, size, kernel, batch)
    )
    x, weight = mc.Tensor(pixels, requires_grad=True), mc.Parameter(value)

    def step() -> object:
        x.grad = weight.grad = None
        mc.ops.conv2d(x, weight, padding=kernel // 2).backward(grad)
        assert weight.grad is not None
        return weight.grad.data

    return step


def native_convolution(channels: int, outputs: int, size: int, kernel: int, batch: int) -> Step:
    """Forward and backward in minicnn on the device "native"."""
    return minicnn_convolution(channels, outputs, size, kernel, batch, compiled())


def torch_convolution(
    channels: int, outputs: int, size: int, kernel: int, batch: int, channels_last: bool = False
) -> Step:
    """Forward and backward in PyTorch, in its default memory format or in channels_last."""
    import torch

    torch.set_num_threads(cores())
    memory = torch.channels_last if channels_last else torch.contiguous_format
    x, weight, grad = (
        torch.tensor(np.ascontiguousarray(array)).contiguous(memory_format=memory)
        for array in _convolution(channels, outputs, size, kernel, batch)
    )
    x.requires_grad_(), weight.requires_grad_()

    def step() -> object:
        x.grad = weight.grad = None
        torch.nn.functional.conv2d(x, weight, padding=kernel // 2).backward(grad)
        return weight.grad

    return step


def channels_last_convolution(
    channels: int, outputs: int, size: int, kernel: int, batch: int
) -> Step:
    """Forward and backward in PyTorch in channels_last."""
    return torch_convolution(channels, outputs, size, kernel, batch, channels_last=True)


def _convolution(channels: int, outputs: int, size: int, kernel: int, batch: int) -> Sequence[Any]:
    """Images (N, C, H, W), weight (O, C, K, K), gradient (N, O, H, W); the images batch-last."""
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((channels, size, size, batch), np.float32)
    (weight,) = initial([(outputs, channels, kernel, kernel)])
    grad = rng.standard_normal((outputs, size, size, batch), np.float32)
    return pixels.transpose(3, 0, 1, 2), weight, grad.transpose(3, 0, 1, 2)


ALEXNETS: dict[str, Build] = {
    "minicnn": minicnn_alexnet,
    "minicnn native": native_alexnet,
    "PyTorch": torch_alexnet,
    "PyTorch channels_last": channels_last_alexnet,
}
CONVOLVERS: dict[str, Build] = {
    "minicnn": minicnn_convolution,
    "minicnn native": native_convolution,
    "PyTorch": torch_convolution,
    "PyTorch channels_last": channels_last_convolution,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contests, print their table and save it with a plot."""
    parser = Parser(__doc__, rounds=(10, 2), batch_size=(32, 2), sizes=(len(CONVOLUTIONS), 1))
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    options = parser.options(arguments)
    batch, rounds = options.batch_size, options.rounds
    lines = [HEAD.format("work")]
    numbers: dict[str, Any] = {"batch_size": batch}
    results: dict[str, dict[str, Result]] = {}
    print(lines[0], flush=True)

    def keep(work: str, result: dict[str, Result]) -> None:
        more_lines, more_numbers = rows(work, result)
        print("\n".join(more_lines), flush=True)
        results[work] = result
        lines.extend(more_lines)
        numbers.update(more_numbers)

    if "alexnet" in options.works:
        same_results(ALEXNETS, (batch, 0.0))
        keep("AlexNet", contest(ALEXNETS, (batch, 0.5), rounds, steps=1))
    if "convolutions" in options.works:
        for work, sizes in list(CONVOLUTIONS.items())[: options.sizes]:
            same_results(CONVOLVERS, (*sizes, batch))
            keep(work, contest(CONVOLVERS, (*sizes, batch), rounds, steps=3))
    call = "large"
    call += f" --batch-size {batch}" if batch != 32 else ""
    call += f" --works {options.works[0]}" if len(options.works) == 1 else ""
    save(call, "\n".join(lines), numbers, options.results)
    plot(call, options.results, (8, 5), lambda figure: draw_bars(figure, results))


if __name__ == "__main__":
    main()

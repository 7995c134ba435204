"""The table of a model: layer, output shape, parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor
from .module import Module, evaluating

__all__ = ["Summary", "summary"]


class Row(NamedTuple):
    """One layer of the table."""

    layer: str
    output_shape: tuple[int, ...]
    parameters: int


class Summary:
    """The rows of ``summary(model, input_shape)`` and their total; ``print`` shows the table."""

    def __init__(self, name: str, rows: list[Row], total: int, trainable: int) -> None:
        self.name, self.rows, self.total, self.trainable = name, rows, total, trainable

    def __repr__(self) -> str:
        cells = [("Layer (type)", "Output shape", "Parameters")]
        for row in self.rows:
            shape = ", ".join(["N", *map(str, row.output_shape)])
            cells.append((row.layer, f"({shape})", f"{row.parameters:,}"))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [f"{a:<{widths[0]}}   {b:<{widths[1]}}   {c:>{widths[2]}}" for a, b, c in cells]
        rule = "-" * len(lines[0])
        return "\n".join(
            [
                self.name,
                rule,
                lines[0],
                rule,
                *lines[1:],
                rule,
                f"Total parameters: {self.total:,}",
                f"Trainable parameters: {self.trainable:,}",
            ]
        )


def summary(model: Module, input_shape: tuple[int, ...]) -> Summary:
    """Run the model once on zeros of shape (1, *input_shape); list each layer as it is reached.

    input_shape is that of one image, (C, H, W). A layer used twice is listed twice, its parameters
    counted once. Raises whatever the model raises for such an input.
    """
    rows: list[Row] = []
    counted: set[int] = set()

    names = {module: path for path, module in model.named_modules()}

    def note(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        new = [p for p in module.parameters() if id(p) not in counted]
        counted.update(id(p) for p in new)
        first = output[0] if isinstance(output, tuple) else output
        label = f"{names[module]} ({type(module).__name__})".strip()
        rows.append(Row(label, first.shape[1:], sum(p.size for p in new)))

    leaves = [module for module in names if not any(module.children())]
    removers = [module.register_forward_hook(note) for module in leaves]
    first = next(iter(model.parameters()), Tensor(np.zeros(0, np.float32)))
    image = Tensor(np.zeros((1, *input_shape), first.dtype)).to(first.device)
    try:
        with evaluating(model):
            model(image)
    finally:
        for remove in removers:
            remove()
    sizes = [(p.size, p.requires_grad) for p in model.parameters()]
    total = sum(size for size, _ in sizes)
    return Summary(type(model).__name__, rows, total, sum(n for n, learned in sizes if learned))

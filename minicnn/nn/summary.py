"""The table of a model: layer, output shape, parameters."""

from __future__ import annotations

from typing import NamedTuple

from ..html_table import html_table
from ..text_table import text_table
from .module import Module
from .watch import run_on_zeros, watch_calls

HEADER = ("Layer (type)", "Output shape", "Parameters")


class Row(NamedTuple):
    """One layer of the table."""

    layer: str
    output_shape: tuple[int, ...]
    parameters: int


class Summary:
    """The rows of ``summary(model, input_shape)`` and their total; ``print`` shows the table.

    >>> summary = mc.summary(mc.nn.Sequential(mc.nn.Linear(3, 2)), (3,))
    >>> summary.total, summary.rows[0].output_shape
    (8, (2,))
    """

    def __init__(self, name: str, rows: list[Row], total: int, trainable: int) -> None:
        self.name, self.rows, self.total, self.trainable = name, rows, total, trainable

    def __repr__(self) -> str:
        footer = [f"Total parameters: {self.total:,}", f"Trainable parameters: {self.trainable:,}"]
        return text_table(self._cells(), HEADER, self.name, footer)

    def _repr_html_(self) -> str:
        totals = [
            ("Total parameters", "", self.total),
            ("Trainable parameters", "", self.trainable),
        ]
        return html_table([*self._cells(), *totals], HEADER, self.name, totals=2)

    def _cells(self) -> list[tuple[str, str, int]]:
        shapes = [", ".join(["N", *map(str, row.output_shape)]) for row in self.rows]
        rows = zip(self.rows, shapes, strict=True)
        return [(row.layer, f"({shape})", row.parameters) for row, shape in rows]


def summary(model: Module, input_shape: tuple[int, ...]) -> Summary:
    """Run the model once on zeros of shape (1, *input_shape); list each layer as it is reached.

    input_shape is that of one image, (C, H, W). A layer used twice is listed twice, its parameters
    counted once. Raises whatever the model raises for such an input.

    >>> mc.summary(mc.nn.Sequential(mc.nn.Conv2d(1, 4, 3), mc.nn.ReLU()), (1, 28, 28))
    Sequential
    ------------------------------------------
    Layer (type)   Output shape     Parameters
    ------------------------------------------
    0 (Conv2d)     (N, 4, 26, 26)           40
    1 (ReLU)       (N, 4, 26, 26)            0
    ------------------------------------------
    Total parameters: 40
    Trainable parameters: 40
    """
    with watch_calls(model) as calls:
        run_on_zeros(model, input_shape)
    rows = [
        Row(f"{c.name} ({type(c.layer).__name__})".strip(), c.output_shape or (), c.parameters)
        for c in calls
    ]
    sizes = [(p.size, p.requires_grad) for p in model.parameters()]
    total = sum(size for size, _ in sizes)
    return Summary(type(model).__name__, rows, total, sum(n for n, learned in sizes if learned))

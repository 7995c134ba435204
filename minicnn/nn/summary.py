"""The table of a model: layer, output shape, parameters."""

from __future__ import annotations

from typing import NamedTuple

from ..html_table import html_table
from .module import Module
from .watch import run_on_zeros, watch_calls

HEADER = ("Layer (type)", "Output shape", "Parameters")


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
        cells = [HEADER, *((a, b, f"{c:,}") for a, b, c in self._cells())]
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

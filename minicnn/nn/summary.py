"""The table of a model: layer, output shape, parameters, multiply-adds."""

from __future__ import annotations

from typing import NamedTuple

from ..html_table import html_table
from ..text_table import text_table
from .module import Module
from .multiply_adds import count_multiply_adds
from .watch import run_on_zeros, watch_calls

HEADER = ("Layer (type)", "Output shape", "Parameters", "Multiply-adds")


class Row(NamedTuple):
    """One layer of the table; multiply_adds: for one image, None if they are not known."""

    layer: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int | None


class Summary:
    """The rows of ``summary(model, input_shape)`` and their totals; ``print`` shows the table.

    total, trainable: numbers of parameters; multiply_adds: those that are known, for one image;
    after: what comes after the last layer, such as a softmax that is part of the loss.

    >>> summary = mc.summary(mc.nn.Sequential(mc.nn.Linear(3, 2)), (3,))
    >>> summary.total, summary.rows[0].output_shape
    (8, (2,))
    """

    def __init__(
        self, name: str, rows: list[Row], total: int, trainable: int, after: str = ""
    ) -> None:
        self.name, self.rows, self.total, self.trainable = name, rows, total, trainable
        self.after = after
        self.multiply_adds = sum(row.multiply_adds or 0 for row in rows)

    def __repr__(self) -> str:
        unknown = " + ?" * any(row.multiply_adds is None for row in self.rows)
        footer = [
            f"Total parameters: {self.total:,}",
            f"Trainable parameters: {self.trainable:,}",
            f"Multiply-adds for one image: {self.multiply_adds:,}{unknown}",
            *([f"After the scores: {self.after}"] if self.after else []),
        ]
        return text_table(self._cells(), HEADER, self.name, footer, align="<<>>")

    def _repr_html_(self) -> str:
        totals: list[tuple[str | int, ...]] = [
            ("Trainable", "", self.trainable, ""),
            ("Total", "", self.total, self.multiply_adds),
        ]
        return html_table([*self._cells(), *totals], HEADER, self.name, totals=2)

    def _cells(self) -> list[tuple[str | int, ...]]:
        shapes = [", ".join(["N", *map(str, row.output_shape)]) for row in self.rows]
        return [
            (
                row.layer,
                f"({shape})",
                row.parameters,
                "?" if row.multiply_adds is None else row.multiply_adds,
            )
            for row, shape in zip(self.rows, shapes, strict=True)
        ]


def summary(model: Module, input_shape: tuple[int, ...]) -> Summary:
    """Run the model once on zeros of shape (1, *input_shape); list each layer as it is reached.

    input_shape is that of one image, (C, H, W). A layer used twice is listed twice, its parameters
    counted once. Raises whatever the model raises for such an input.

    >>> mc.summary(mc.nn.Sequential(mc.nn.Conv2d(1, 4, 3), mc.nn.ReLU()), (1, 28, 28))
    Sequential
    ----------------------------------------------------------
    Layer (type)   Output shape     Parameters   Multiply-adds
    ----------------------------------------------------------
    0 (Conv2d)     (N, 4, 26, 26)           40          24,336
    1 (ReLU)       (N, 4, 26, 26)            0               0
    ----------------------------------------------------------
    Total parameters: 40
    Trainable parameters: 40
    Multiply-adds for one image: 24,336
    """
    with watch_calls(model) as calls:
        run_on_zeros(model, input_shape)
    rows = [
        Row(
            f"{c.name} ({type(c.layer).__name__})".strip(),
            c.output_shape or (),
            c.parameters,
            count_multiply_adds(c.layer, c.input_shape, c.output_shape or ()),
        )
        for c in calls
    ]
    sizes = [(p.size, p.requires_grad) for p in model.parameters()]
    total = sum(size for size, _ in sizes)
    trainable = sum(n for n, learned in sizes if learned)
    after = getattr(model, "after_the_scores", "")
    return Summary(type(model).__name__, rows, total, trainable, after)

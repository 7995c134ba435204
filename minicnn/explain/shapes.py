"""explain_shapes: where the output size of each layer comes from, and what the layer costs."""

from __future__ import annotations

from typing import NamedTuple

from ..html_table import html_table
from ..nn import Module
from ..nn.multiply_adds import count_multiply_adds
from ..nn.watch import LayerCall, run_on_zeros, watch_calls
from ..text_table import text_table
from .size_rules import explain_size

HEADER = ("layer", "type", "input", "output", "size", "parameters", "multiply-adds")
TEXT_HEADER = ("layer", "type", "input -> output", *HEADER[4:])


class ShapeRow(NamedTuple):
    """One call of a layer; shapes are without N, multiply_adds is None if unknown.

    >>> row, = mc.explain.explain_shapes(mc.nn.MaxPool2d(3, 2), (8, 13, 13)).rows
    >>> row.type, row.output_shape, row.arithmetic
    ('MaxPool2d', (8, 6, 6), ['(13 + 0 - 3) // 2 + 1 = 6'])
    """

    layer: str
    type: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    arithmetic: list[str]
    parameters: int
    multiply_adds: int | None


class ShapeTable:
    """The rows of ``explain_shapes`` and their totals; ``print`` it, or let a notebook display it.

    >>> table = mc.explain.explain_shapes(mc.models.lenet5(), (1, 28, 28))
    >>> table.parameters, table.multiply_adds, table.rows[2].output_shape
    (44426, 281640, (6, 12, 12))
    """

    def __init__(self, name: str, rows: list[ShapeRow]) -> None:
        self.name, self.rows = name, rows
        self.parameters = sum(row.parameters for row in rows)
        self.multiply_adds = sum(row.multiply_adds or 0 for row in rows)

    def __repr__(self) -> str:
        lines: list[tuple[str | int, ...]] = []
        for row in self.rows:
            layer, kind, before, after, _, *costs = self._cells(row)
            first, *more = row.arithmetic or [""]
            lines.append((layer, kind, f"{before} -> {after}", first, *costs))
            lines += [("", "", "", line, "", "") for line in more]
        unknown = " + ?" * any(row.multiply_adds is None for row in self.rows)
        cost = f"{self.multiply_adds:,}{unknown}"
        total = ("total", "", "", "", self.parameters, cost)
        return text_table([*lines, total], TEXT_HEADER, self.name, totals=1, align="<<<<>>")

    def _repr_html_(self) -> str:
        rows = [self._cells(row) for row in self.rows]
        total = ("total", "", "", "", "", self.parameters, self.multiply_adds)
        return html_table([*rows, total], HEADER, self.name, totals=1)

    def _cells(self, row: ShapeRow) -> tuple[str | int, ...]:
        cost = "?" if row.multiply_adds is None else row.multiply_adds
        shapes = _format_shape(row.input_shape), _format_shape(row.output_shape)
        return (row.layer, row.type, *shapes, "\n".join(row.arithmetic), row.parameters, cost)


def explain_shapes(model: Module, input_shape: tuple[int, ...]) -> ShapeTable:
    """Where each layer's output size comes from, its parameters and multiply-adds for one image.

    input_shape is that of one image, (C, H, W); the model runs once on zeros. A layer used twice is
    listed twice, with its parameters counted once. Pixels that no window reaches are counted.
    Multiply-adds are those of convolutions and dense layers; a layer of your own shows a "?".
    Raises ValueError if the input does not fit, naming the layer, its arithmetic and the layers
    before it.

    >>> print(mc.explain.explain_shapes(mc.nn.Conv2d(1, 8, 3, stride=2), (1, 28, 28)))
    Conv2d, input 1x28x28
    -----...
    layer type   input -> output    size                       parameters multiply-adds
    -----...
          Conv2d 1x28x28 -> 8x13x13 (28 + 0 - 3) // 2 + 1 = 13         80        12,168
                                    drops the last 1 row and 1 column: no window reaches them
    -----...
    total                                                              80        12,168
    """
    with watch_calls(model) as calls:
        try:
            run_on_zeros(model, input_shape)
        except (ValueError, TypeError) as error:
            raise ValueError(_describe_failure(calls, error)) from error
    name = f"{type(model).__name__}, input {_format_shape(input_shape)}"
    return ShapeTable(name, _make_rows(calls))


def _make_rows(calls: list[LayerCall]) -> list[ShapeRow]:
    return [
        ShapeRow(
            call.name,
            type(call.layer).__name__,
            call.input_shape,
            call.output_shape,
            explain_size(call.layer, call.input_shape),
            call.parameters,
            count_multiply_adds(call.layer, call.input_shape, call.output_shape),
        )
        for call in calls
        if call.output_shape is not None
    ]


def _describe_failure(calls: list[LayerCall], error: Exception) -> str:
    """Which layer failed and with which arithmetic, and the layers before it."""
    last = calls[-1] if calls else None
    if last is None or last.output_shape is not None:
        where = f"after {last.name} ({type(last.layer).__name__})" if last else "before any layer"
        reason = [f"explain_shapes: {where}: {error}"]
    else:
        name = f"{last.name} ({type(last.layer).__name__})".strip()
        shape = _format_shape(last.input_shape)
        why = str(error).removeprefix(f"{name}: ")
        reason = [f"explain_shapes: {name} fails on an input of {shape}: {why}"]
        reason += [f"    {line}" for line in explain_size(last.layer, last.input_shape)]
    rows = _make_rows(calls)
    before = [repr(ShapeTable("the layers before:", rows))] if rows else []
    return "\n".join([*reason, *before])


def _format_shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

"""explain_shapes: where the output size of each layer comes from, and what the layer costs."""

from __future__ import annotations

from typing import NamedTuple

from ..html_table import html_table
from ..nn import Module
from ..nn.watch import LayerCall, run_on_zeros, watch_calls
from .size_rules import arithmetic, multiply_adds

HEADER = ("layer", "type", "input", "output", "size", "parameters", "multiply-adds")


class ShapeRow(NamedTuple):
    """One call of a layer; shapes are without N, multiply_adds None where they are not known."""

    layer: str
    type: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    arithmetic: list[str]
    parameters: int
    multiply_adds: int | None


class ShapeTable:
    """The rows of ``explain_shapes`` and their totals; ``print`` shows the table."""

    def __init__(self, name: str, rows: list[ShapeRow]) -> None:
        self.name, self.rows = name, rows
        self.parameters = sum(row.parameters for row in rows)
        self.multiply_adds = sum(row.multiply_adds or 0 for row in rows)

    def __repr__(self) -> str:
        header = ("layer", "type", "input -> output", *HEADER[4:])
        lines: list[tuple[str, ...]] = [header]
        for row in self.rows:
            cells = (f"{c:,}" if isinstance(c, int) else c for c in self._cells(row))
            layer, kind, before, after, _, *costs = cells
            first, *more = row.arithmetic or [""]
            lines.append((layer, kind, f"{before} -> {after}", first, *costs))
            lines += [("", "", "", line, "", "") for line in more]
        unknown = " + ?" * any(row.multiply_adds is None for row in self.rows)
        total = f"{self.multiply_adds:,}{unknown}"
        lines.append(("total", "", "", "", f"{self.parameters:,}", total))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        sides = "<<<<>>"
        texts = [
            "   ".join(f"{c:{s}{w}}" for c, s, w in zip(line, sides, widths, strict=True)).rstrip()
            for line in lines
        ]
        rule = "-" * max(map(len, texts))
        return "\n".join([self.name, rule, texts[0], rule, *texts[1:-1], rule, texts[-1]])

    def _repr_html_(self) -> str:
        rows = [self._cells(row) for row in self.rows]
        total = ("total", "", "", "", "", self.parameters, self.multiply_adds)
        return html_table([*rows, total], HEADER, self.name, totals=1)

    def _cells(self, row: ShapeRow) -> tuple[str | int, ...]:
        cost = "?" if row.multiply_adds is None else row.multiply_adds
        shapes = _by(row.input_shape), _by(row.output_shape)
        return (row.layer, row.type, *shapes, "\n".join(row.arithmetic), row.parameters, cost)


def explain_shapes(model: Module, input_shape: tuple[int, ...]) -> ShapeTable:
    """Where each layer's output size comes from, its parameters and multiply-adds for one image.

        print(explain_shapes(mc.models.lenet5(), (1, 28, 28)))

    input_shape is that of one image, (C, H, W); the model runs once on zeros. A layer used twice is
    listed twice, its parameters counted once. Pixels that no window reaches are counted.
    Multiply-adds are those of convolutions and dense layers; a layer of your own has a "?".
    Raises ValueError where the input does not fit, with the layer, its arithmetic and those before.
    """
    with watch_calls(model) as calls:
        try:
            run_on_zeros(model, input_shape)
        except (ValueError, TypeError) as error:
            raise ValueError(_failure(model, calls, input_shape, error)) from error
    return ShapeTable(f"{type(model).__name__}, input {_by(input_shape)}", _rows(calls))


def _rows(calls: list[LayerCall]) -> list[ShapeRow]:
    return [
        ShapeRow(
            call.name,
            type(call.layer).__name__,
            call.input_shape,
            call.output_shape,
            arithmetic(call.layer, call.input_shape),
            call.parameters,
            multiply_adds(call.layer, call.input_shape, call.output_shape),
        )
        for call in calls
        if call.output_shape is not None
    ]


def _failure(
    model: Module, calls: list[LayerCall], input_shape: tuple[int, ...], error: Exception
) -> str:
    """At which layer and with which arithmetic it failed, after which layers."""
    last = calls[-1] if calls else None
    if last is None or last.output_shape is not None:
        where = f"after {last.name} ({type(last.layer).__name__})" if last else "before any layer"
        reason = [f"explain_shapes: {where}: {error}"]
    else:
        where = f"{last.name} ({type(last.layer).__name__})".strip()
        reason = [f"explain_shapes: {where} fails on an input of {_by(last.input_shape)}: {error}"]
        reason += [f"    {line}" for line in arithmetic(last.layer, last.input_shape)]
    rows = _rows(calls)
    before = [repr(ShapeTable("the layers before:", rows))] if rows else []
    return "\n".join([*reason, *before])


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

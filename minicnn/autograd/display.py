"""How a Tensor shows itself in a terminal and in a notebook; the HTML table for all that do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ..backend import Array, array_module, to_device

if TYPE_CHECKING:
    from .tensor import Tensor


MOST_VALUES = 1000  # beyond it only the corners of a tensor are shown, as by NumPy
EDGE = 3
Cell = str | int


def html_table(
    rows: Sequence[Sequence[Cell]], header: Sequence[str] = (), title: str = "", totals: int = 0
) -> str:
    """Rows of cells as an HTML table in the colours of the page, light or dark.

    Text is escaped and stands on the left, its spaces and line breaks stay; integers stand on the
    right, as 1,234. totals: that many of the last rows are bold.
    """
    plain = len(rows) - totals
    body = [_row("td", row, bold=k >= plain) for k, row in enumerate(rows)]
    head = [f"<thead>{_row('th', header, like=rows[-1])}</thead>"] if header else []
    caption = [f"<caption>{escape(title)}</caption>"] if title else []
    return "\n".join(["<table>", *caption, *head, "<tbody>", *body, "</tbody>", "</table>"])


def _row(tag: str, cells: Sequence[Cell], bold: bool = False, like: Sequence[Cell] = ()) -> str:
    """One row; each cell stands on the side of the one below it in ``like``, by default its own."""
    parts = []
    for cell, below in zip(cells, like or cells, strict=True):
        side = "right" if isinstance(below, int) else "left"
        text = f"{cell:,}" if isinstance(cell, int) else escape(cell)
        text = f"<b>{text}</b>" if bold else text
        parts.append(f'<{tag} style="text-align: {side}; white-space: pre">{text}</{tag}>')
    return f"<tr>{''.join(parts)}</tr>"


def tensor_text(tensor: Tensor) -> str:
    """What ``repr`` shows: the values, shortened if many, and what is special about the tensor."""
    extras = "" if tensor.size <= MOST_VALUES else f", shape={tensor.shape}"
    extras += "" if tensor.dtype == np.float32 else f", dtype={tensor.dtype}"
    extras += "" if tensor.device == "cpu" else f", device={tensor.device}"
    if tensor.function is not None:
        extras += f", function={type(tensor.function).__name__}"
    elif tensor.requires_grad:
        extras += ", requires_grad=True"
    return f"tensor({_values(tensor.data, 'tensor(')}{extras})"


def tensor_html(tensor: Tensor) -> str:
    """A table of what the tensor is and how its values spread, and under it the values."""
    rows: list[tuple[Cell, Cell]] = [
        ("shape", str(tensor.shape)),
        ("dtype", str(tensor.dtype)),
        ("device", tensor.device),
    ]
    if tensor.function is not None:
        rows.append(("made by", type(tensor.function).__name__))
    elif tensor.requires_grad:
        rows.append(("requires_grad", "True"))
    rows += _statistics(tensor.data)
    title = f"{type(tensor).__name__}, {tensor.size:,} element{'s' * (tensor.size != 1)}"
    return f"{html_table(rows, title=title)}\n<pre>{escape(_values(tensor.data, ''))}</pre>"


def _statistics(data: Array) -> list[tuple[Cell, Cell]]:
    """Smallest, mean and largest of the finite values, and how many are not finite."""
    if data.size < 2:
        return []
    if data.dtype.kind == "b":
        return [("True", int(data.sum())), ("False", int((~data).sum()))]
    xp = array_module(data)
    is_finite = xp.isfinite(data)
    counts = {"NaN": xp.isnan(data), "infinite": xp.isinf(data)}
    rows: list[tuple[Cell, Cell]] = [
        (name, int(found.sum())) for name, found in counts.items() if found.any()
    ]
    finite = data if not rows else data[is_finite]
    if not finite.size:
        return rows
    mean = float(finite.mean(dtype=np.float64))
    values = {"smallest": float(finite.min()), "mean": mean, "largest": float(finite.max())}
    return [*((name, f"{value:.6g}") for name, value in values.items()), *rows]


def _values(data: Array, prefix: str) -> str:
    """The values as NumPy writes them; of a large array only the corners leave the device."""
    is_shortened = data.size > MOST_VALUES
    if is_shortened:
        for axis, size in enumerate(data.shape):
            if size > 2 * EDGE + 1:  # one in the middle stays, for which NumPy writes dots
                ends = [*range(EDGE + 1), *range(size - EDGE, size)]
                data = data[(slice(None),) * axis + (ends,)]
    return np.array2string(
        to_device(data, "cpu"),
        separator=", ",
        prefix=prefix,
        threshold=0 if is_shortened else MOST_VALUES,
        edgeitems=EDGE,
    )

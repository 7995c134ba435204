"""The one table of HTML: for everything that a notebook shows as rows of cells."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .text_table import Cell


def html_table(
    rows: Sequence[Sequence[Cell]], header: Sequence[str] = (), title: str = "", totals: int = 0
) -> str:
    """Rows of cells as an HTML table in the colours of the page, light or dark.

    Text is escaped and aligned left, its spaces and line breaks are preserved; integers are
    aligned right, as 1,234. totals: the number of last rows that are bold.

    >>> html_table([("conv1", 156)]).count("<td")
    2
    """
    plain = len(rows) - totals
    body = [_row("td", row, bold=k >= plain) for k, row in enumerate(rows)]
    head = [f"<thead>{_row('th', header, like=rows[-1])}</thead>"] if header else []
    caption = [f"<caption>{escape(title)}</caption>"] if title else []
    return "\n".join(["<table>", *caption, *head, "<tbody>", *body, "</tbody>", "</table>"])


def _row(tag: str, cells: Sequence[Cell], bold: bool = False, like: Sequence[Cell] = ()) -> str:
    """One row; each cell is aligned like the one below it in ``like``, by default by its type."""
    parts = []
    for cell, below in zip(cells, like or cells, strict=True):
        side = "right" if isinstance(below, int) else "left"
        text = f"{cell:,}" if isinstance(cell, int) else escape(cell)
        text = f"<b>{text}</b>" if bold else text
        parts.append(f'<{tag} style="text-align: {side}; white-space: pre">{text}</{tag}>')
    return f"<tr>{''.join(parts)}</tr>"

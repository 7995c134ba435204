"""The one table of text: rows of cells in columns, for summaries, reports and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Cell = str | int
"""Text stands on the left of its column, an integer on the right, as 1,234."""


def text_table(
    rows: Iterable[Sequence[Cell]],
    header: Sequence[Cell] = (),
    title: str = "",
    footer: Sequence[str] = (),
    totals: int = 0,
    align: str = "",
    gap: str = "   ",
) -> str:
    """The rows below each other, their columns as wide as the widest cell.

    header: a first row, ruled off; title: a line above, footer: lines below, ruled off too.
    totals: that many of the last rows are ruled off from those above.
    align: "<" or ">" for each column; by default that of the cells of the first row.

    >>> print(text_table([("conv1", 156), ("fc1", 30840)], ("Layer", "Parameters")))
    Layer   Parameters
    ------------------
    conv1          156
    fc1         30,840
    """
    body = list(rows)
    align = align or "".join(
        ">" if isinstance(cell, int) else "<" for cell in (body or [header])[0]
    )
    texts = [[f"{c:,}" if isinstance(c, int) else c for c in row] for row in [header, *body] if row]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = [
        gap.join(f"{c:{side}{w}}" for c, side, w in zip(row, align, widths, strict=True)).rstrip()
        for row in texts
    ]
    rule = "-" * (sum(widths) + len(gap) * (len(widths) - 1))
    if totals:
        lines.insert(len(lines) - totals, rule)
    ruled = [lines[0], rule, *lines[1:]] if header else lines
    above = [title, rule] if title else []
    below = [rule, *footer] if footer else []
    return "\n".join([*above, *ruled, *below])

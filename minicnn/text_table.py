"""The one table of text: rows of cells in columns, for summaries, reports and the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Cell = str | int
"""Text stands on the left of its column, an integer on the right, as 1,234."""


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, changes colours, begins a line, or turns the direction of the text."""


def printable(text: str, but: str = "") -> str:
    r"""The text with control characters escaped, except those in ``but``: a name stays a name.

    >>> print(printable("red\x1b[31m, two\nlines"))
    red\x1b[31m, two\nlines
    """

    def escape(found: re.Match[str]) -> str:
        return found[0] if found[0] in but else repr(found[0])[1:-1]

    return CONTROL.sub(escape, text)


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
    texts = [list(map(_as_text, row)) for row in [header, *body] if row]
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


def _as_text(cell: Cell) -> str:
    return f"{cell:,}" if isinstance(cell, int) else printable(cell)

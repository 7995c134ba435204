"""Numbers, small grids of numbers, and positions as text for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..text_table import text_table
from .view import Axis, View


def format_number(value: float) -> str:
    """A number with six digits."""
    return f"{value + 0.0:.6g}"  # + 0.0: no -0


def format_numbers(values: Any, digits: int = 4) -> list[str]:
    """All values with the same decimals; the largest has at least digits - 1 significant ones."""
    flat = np.asarray(values, float).ravel()
    finite = np.abs(flat[np.isfinite(flat)])
    largest = float(finite.max()) if finite.size else 0.0
    if (finite == np.rint(finite)).all() and largest < 1e6:
        return [f"{value + 0.0:.0f}" for value in flat]
    if not 1e-4 <= largest < 1e6:
        return [f"{value:.{digits - 2}e}" if value else "0" for value in flat]
    magnitude = math.floor(math.log10(largest))
    decimals = max(0, digits - 1 - magnitude - (magnitude < 0))
    return [f"{round(value, decimals) + 0.0:.{decimals}f}" if value else "0" for value in flat]


def select_indices(size: int, most: int) -> list[int | None]:
    """The indices of an axis to show: at most so many, with None for those omitted between them."""
    if size <= most:
        return list(range(size))
    first, last = -(-(most - 1) // 2), (most - 1) // 2
    return [*range(first), None, *range(size - last, size)]


def format_grid(
    title: str,
    values: NDArray[Any],
    view: View | None = None,
    winner: tuple[int, int] | None = None,
    most: int = 5,
) -> list[str]:
    """The lines of a grid of values (KH, KW), with at most so many rows and columns.

    (padding) and the [winner] are marked; a position beyond the padding, see the view, is a dot.
    """
    rows, columns = (select_indices(size, most) for size in values.shape)
    shown = [(r, c) for r in rows for c in columns if r is not None and c is not None]
    texts = format_numbers(np.array([values[place] for place in shown]))
    cells: dict[tuple[int | None, int | None], str]
    cells = {place: f" {text} " for place, text in zip(shown, texts, strict=True)}
    for place in shown:
        if view is not None and view.is_beyond[place]:
            cells[place] = " . "
        elif view is not None and view.is_padding[place]:
            cells[place] = f"({cells[place].strip()})"
    if winner in cells:
        cells[winner] = f"[{cells[winner].strip()}]"
    width = max(map(len, cells.values()), default=0)
    cells.update({(None, c): "... " for c in columns})
    cells.update({(r, None): " ... " for r in rows})
    widths = [0 if c is None else width for c in columns]
    lines = [
        "".join(f"{cells[r, c]:>{w}}" for c, w in zip(columns, widths, strict=True)) for r in rows
    ]
    return [title, *lines]


def side_by_side(*blocks: list[str] | str) -> list[str]:
    """Blocks of lines next to each other; a string stands between them at half height."""
    height = max(len(block) for block in blocks if isinstance(block, list))
    # The first line of a block is its title, so the middle lies half a line lower.
    above = [""] * ((height + 1) // 2)
    columns = [[*above, f" {block} "] if isinstance(block, str) else block for block in blocks]
    rows = zip_longest(*columns, fillvalue="")
    return text_table(rows, align="<" * len(blocks), gap=" ").splitlines()


def labelled_numbers(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Labels on the left, numbers on the right, below each other."""
    return indent(text_table(rows, align="<>", gap="  "))


def indent(text: str) -> list[str]:
    """The lines of a text, two spaces further to the right."""
    return [f"  {line}" for line in text.splitlines()]


def describe_positions(positions: Sequence[int]) -> str:
    """Positions in words: "3", "3 to 7", "3, 5, 7"."""
    first, last = positions[0], positions[-1]
    if len(positions) == 1:
        return str(first)
    if last - first == len(positions) - 1:
        return f"{first} to {last}"
    shown = select_indices(len(positions), 7)
    return ", ".join("..." if k is None else str(positions[k]) for k in shown)


def describe_window(image: NDArray[Any], view: View) -> list[str]:
    """Where the window lies in the image, and what its padding holds."""
    rows, columns = view.rows, view.columns
    height, width = image.shape[1:]
    lines = [
        f"window: rows {describe_positions(rows.positions)}, "
        f"columns {describe_positions(columns.positions)} of the {height}x{width} input"
    ]
    if view.is_padding.any():
        copies = dict.fromkeys(_describe_copies(rows, "row") + _describe_copies(columns, "column"))
        lines.append("( ) padding: " + (", ".join(copies) or format_number(view.fill)))
    if view.is_beyond.any():
        lines.append(" .  beyond the padded image (ceil_mode): not counted")
    return lines


def _describe_copies(axis: Axis, name: str) -> list[str]:
    """Which pixels the padding copies, such as "row -1 copies row 1"."""
    return [
        f"{name} {position} copies {name} {source}"
        for position, source in zip(axis.positions, axis.sources, strict=True)
        if source >= 0 and position != source
    ]

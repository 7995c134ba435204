"""Numbers and small grids of numbers as text for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .view import Axis, View


def number(value: float) -> str:
    """A number with six digits."""
    return f"{value + 0.0:.6g}"  # + 0.0: no -0


def numbers(values: Any, digits: int = 4) -> list[str]:
    """All values with the same decimals; the largest has at least digits - 1 that are not 0."""
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


def kept(size: int, most: int) -> list[int | None]:
    """The indices of an axis that are shown; None stands for those left out between them."""
    if size <= most:
        return list(range(size))
    first, last = -(-(most - 1) // 2), (most - 1) // 2
    return [*range(first), None, *range(size - last, size)]


def grid(
    title: str,
    values: NDArray[Any],
    view: View | None = None,
    winner: tuple[int, int] | None = None,
    most: int = 5,
) -> list[str]:
    """The lines of a grid of values (KH, KW), of which at most so many rows and columns are shown.

    (padding) and the [winner] are marked; what lies past the padding, see the view, is a dot.
    """
    rows, columns = kept(values.shape[0], most), kept(values.shape[1], most)
    shown = [(r, c) for r in rows for c in columns if r is not None and c is not None]
    texts = numbers(np.array([values[place] for place in shown]))
    cells: dict[tuple[int | None, int], str]
    cells = {place: f" {text} " for place, text in zip(shown, texts, strict=True)}
    for place in shown:
        if view is not None and view.is_beyond[place]:
            cells[place] = " . "
        elif view is not None and view.is_padding[place]:
            cells[place] = f"({cells[place].strip()})"
    if winner in cells:
        cells[winner] = f"[{cells[winner].strip()}]"
    width = max(map(len, cells.values()), default=0)
    cells.update({(None, c): "... " for c in columns if c is not None})
    lines = [
        "".join(" ... " if c is None else f"{cells[r, c]:>{width}}" for c in columns) for r in rows
    ]
    return [title, *lines]


def side_by_side(*blocks: list[str] | str) -> list[str]:
    """Blocks of lines next to each other; a string stands between them at half height."""
    height = max(len(block) for block in blocks if isinstance(block, list))
    columns = []
    for block in blocks:
        # The first line of a block is its title, so the middle lies half a line lower.
        lines = [""] * ((height + 1) // 2) + [f" {block} "] if isinstance(block, str) else block
        width = max(map(len, lines))
        columns.append([line.ljust(width) for line in lines + [""] * (height - len(lines))])
    return [" ".join(parts).rstrip() for parts in zip(*columns, strict=True)]


def labelled_numbers(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Labels on the left, numbers on the right, below each other."""
    widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
    return [f"  {label:<{widths[0]}}  {value:>{widths[1]}}" for label, value in rows]


def places(positions: Sequence[int]) -> str:
    """Positions in words: "3", "3 to 7", "3, 5, 7"."""
    first, last = positions[0], positions[-1]
    if len(positions) == 1:
        return str(first)
    if last - first == len(positions) - 1:
        return f"{first} to {last}"
    return ", ".join("..." if k is None else str(positions[k]) for k in kept(len(positions), 7))


def sources_note(axis: Axis, name: str) -> list[str]:
    """Which pixels the padding copies, such as "row -1 copies row 1"."""
    return [
        f"{name} {position} copies {name} {source}"
        for position, source in zip(axis.positions, axis.sources, strict=True)
        if source >= 0 and position != source
    ]

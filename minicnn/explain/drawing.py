"""What pictures of explanations are made of: a map with its window, cells with their numbers.

Importing this module imports matplotlib, so explanations do it only when they draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..viz import COLOURS
from .text import format_numbers
from .view import View

MOST_CELLS = 9  # rows or columns beyond which numbers do not fit into the cells
WINDOW_COLOUR, WINNER_COLOUR, NEIGHBOUR_COLOUR = COLOURS[1], COLOURS[2], COLOURS[5]
HATCHED: dict[str, Any] = {"hatch": "///", "fill": False, "edgecolor": "0.6", "linewidth": 0}


def draw_map(
    axes: Axes, title: str, image: NDArray[Any], scale: dict[str, Any], view: View
) -> None:
    """A map with the window outlined; where that extends beyond the map, it is hatched."""
    axes.imshow(image, **scale)
    hide_frame(axes, title)
    if not view.is_pixel.size:
        return
    (top, bottom), (left, right) = (
        (min(axis.positions), max(axis.positions) + 1) for axis in (view.rows, view.columns)
    )
    height, width = image.shape
    above, below, before, after = min(top, 0), max(bottom, height), min(left, 0), max(right, width)
    _draw_box(axes, above, before, below - above, after - before, **HATCHED, zorder=-1)
    axes.set(xlim=(before - 0.8, after - 0.2), ylim=(below - 0.2, above - 0.8))
    draw_outline(axes, top, left, bottom - top, right - left, WINDOW_COLOUR)
    if view.is_pixel.size < (bottom - top) * (right - left):  # dilation: not every pixel is read
        rows, columns = np.meshgrid(view.rows.positions, view.columns.positions)
        axes.plot(columns.ravel(), rows.ravel(), ".", color=WINDOW_COLOUR, markersize=3)


def draw_cells(
    axes: Axes,
    title: str,
    values: NDArray[Any],
    scale: dict[str, Any],
    view: View | None = None,
    winner: tuple[int, int] | None = None,
) -> None:
    """A small array as coloured cells with numbers; padding is hatched, the winner outlined."""
    hide_frame(axes, title)
    if not values.size:
        axes.text(0.5, 0.5, "no pixel", transform=axes.transAxes, ha="center")
        return
    shown = np.where(np.isfinite(values), values, np.nan)
    if view is not None:
        shown[view.is_beyond] = np.nan
        for row, column in np.argwhere(~view.is_pixel):
            _draw_box(axes, row, column, 1, 1, **HATCHED)
    picture = axes.imshow(shown, **scale)
    if max(values.shape) <= MOST_CELLS:
        texts = np.array(format_numbers(values, 3)).reshape(values.shape)
        size = min(9.0, 200 / values.shape[1] / max(map(len, texts.ravel())))
        for row, column in np.ndindex(*values.shape):
            if view is None or not view.is_beyond[row, column]:
                colour = picture.cmap(picture.norm(shown[row, column]))
                _write_number(axes, row, column, texts[row, column], colour, size)
    if winner is not None:
        draw_outline(axes, *winner, 1, 1, WINNER_COLOUR)


def draw_outline(axes: Axes, row: int, column: int, height: int, width: int, colour: str) -> None:
    """A frame around height x width pixels, of which (row, column) is the first."""
    style = {"edgecolor": colour, "linewidth": 2.5, "zorder": 4}
    _draw_box(axes, row, column, height, width, fill=False, **style)


def hide_frame(axes: Axes, title: str) -> None:
    """Axes with a title, but without ticks and frame."""
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(False)


def _draw_box(axes: Axes, row: int, column: int, height: int, width: int, **style: Any) -> None:
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), width, height, **style))


def _write_number(axes: Axes, row: int, column: int, text: str, cell: Any, size: float) -> None:
    """A number in its cell, dark on light or light on dark, with no hatching behind it."""
    red, green, blue, opaque = cell
    is_dark = opaque and 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
    style: Any = {
        "size": size,
        "color": "white" if is_dark else "black",
        "bbox": {"facecolor": cell if opaque else "white", "edgecolor": "none", "pad": 1},
    }
    axes.text(column, row, text, ha="center", va="center", zorder=3, **style)

"""The pictures of explanations: the input with its window, cells with their numbers, the result."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..viz import COLOURS, Picture, colour_scale, subplots
from ..viz.picture import centred_scale
from .pooling import Extreme, PNorm, Pooled
from .response_norm import ResponseNorm
from .text import number, numbers
from .view import View
from .weighted import WeightedSum

MOST_CELLS = 9  # rows or columns beyond which numbers do not fit into the cells
WINDOW, WINNER = COLOURS[1], COLOURS[2]
HATCHED: dict[str, Any] = {"hatch": "///", "fill": False, "edgecolor": "0.6", "linewidth": 0}


def draw_weighted_sum(e: WeightedSum) -> Picture:
    """A row for each of the first channels: input, patch x kernel = products; the sums above."""
    rows = len(e.shown) if e.patch.size else 1
    picture, axes = subplots(rows, 4, (9.0, 2.3 * rows + 0.5), squeeze=False)
    scale = colour_scale(e.image[e.channels.start : e.channels.stop], e.patch)
    kernel_scale, product_scale = centred_scale(e.kernel), centred_scale(e.products)
    for k, channel in enumerate(e.shown[:rows]):
        image, patch, kernel, products = axes[k]
        _map(image, f"input, channel {channel}", e.image[channel], scale, e.view)
        _cells(patch, "patch", e.patch[k], scale, e.view)
        _cells(kernel, "kernel", e.kernel[k], kernel_scale)
        title = f"products, sum {e.channel_sums[k]:.3g}"
        _cells(products, title, e.products[k], product_scale)
        for axis, sign in ((kernel, "\N{MULTIPLICATION SIGN}"), (products, "=")):
            axis.text(-0.1, 0.5, sign, transform=axis.transAxes, ha="right", va="center", size=14)
    picture.suptitle(f"{e.name} = {_sum_in_words(e)}")
    return picture


def _sum_in_words(e: WeightedSum) -> str:
    """0.12 - 0.05 + 0.31 (58 more channels) + 0.02 (bias) = 0.4."""
    texts: list[str] = []
    for label, value in e.steps:
        label = label.strip(".,").replace(", sum", "").strip()
        note = "" if label.startswith("sum") else f" ({label})"
        sign = "" if not texts else "- " if value < 0 else "+ "
        texts.append(f"{sign}{abs(value) if texts else value:.3g}{note}")
    return f"{' '.join(texts)} = {e.result:.4g}"


def draw_pooled(e: Pooled) -> Picture:
    """The input with the window and the patch, for the p-norm also its powers."""
    columns = 3 if isinstance(e, PNorm) else 2
    picture, axes = subplots(1, columns, (3.0 * columns, 3.2))
    scale = colour_scale(e.map, e.patch)
    winner = e.winner if isinstance(e, Extreme) else None
    _map(axes[0], f"input, channel {e.place[1]}", e.map, scale, e.view)
    _cells(axes[1], "patch", e.patch, scale, e.view, winner)
    if isinstance(e, PNorm):
        title = f"patch ^ {number(e.p)}"
        _cells(axes[2], title, e.powers, colour_scale(e.powers), e.view)
    if winner is not None:
        row, column = e.view.pixel(*winner)
        _outline(axes[0], column, row, 1, 1, WINNER)
    picture.suptitle(f"{e.name} = {e.formula()}")
    return picture


def draw_response_norm(e: ResponseNorm) -> Picture:
    """The map with the pixel, a bar for each neighbour's square, and the formula with numbers."""
    _, channel, i, j = e.place
    picture, (left, right) = subplots(1, 2, (8.0, 3.4), width_ratios=(1, 1.6))
    left.imshow(e.image[channel], **colour_scale(e.image[channel]))
    _outline(left, j, i, 1, 1, WINDOW)
    _bare(left, f"channel {channel}, pixel ({i}, {j})")
    colours = [WINDOW if c == channel else COLOURS[5] for c in e.channels]
    bars = right.bar([str(c) for c in e.channels], e.squares, color=colours)
    right.bar_label(bars, [f"({text})²" for text in numbers(e.values, 3)], size=8)
    right.set_xlabel("channel")
    right.set_title(f"squares of the neighbours, sum {number(e.squares.sum())}")
    formula, numbers_in, *_ = (line.replace("*", "·") for line in e.formula())
    picture.suptitle(f"{e.name} = {formula[4:]}\n{numbers_in.strip()} = {number(e.result)}")
    return picture


def _map(axis: Any, title: str, image: NDArray[Any], scale: dict[str, Any], view: View) -> None:
    """A map with the window outlined; where it reaches outside, the surroundings are hatched."""
    axis.imshow(image, **scale)
    _bare(axis, title)
    if not view.is_pixel.size:
        return
    (top, bottom), (left, right) = (
        (min(line.positions), max(line.positions) + 1) for line in (view.rows, view.columns)
    )
    height, width = image.shape
    above, below, before, after = min(top, 0), max(bottom, height), min(left, 0), max(right, width)
    _box(axis, before, above, after - before, below - above, **HATCHED, zorder=-1)
    axis.set(xlim=(before - 0.8, after - 0.2), ylim=(below - 0.2, above - 0.8))
    _outline(axis, left, top, right - left, bottom - top, WINDOW)
    if view.is_pixel.size < (bottom - top) * (right - left):  # dilation: not all of it is read
        rows, columns = np.meshgrid(view.rows.positions, view.columns.positions)
        axis.plot(columns.ravel(), rows.ravel(), ".", color=WINDOW, markersize=3)


def _cells(
    axis: Any,
    title: str,
    values: NDArray[Any],
    scale: dict[str, Any],
    view: View | None = None,
    winner: tuple[int, int] | None = None,
) -> None:
    """A small array as coloured cells with its numbers; padding is hatched, the winner outlined."""
    _bare(axis, title)
    if not values.size:
        axis.text(0.5, 0.5, "no pixel", transform=axis.transAxes, ha="center")
        return
    shown = np.where(np.isfinite(values), values, np.nan)
    if view is not None:
        shown[view.is_beyond] = np.nan
        for row, column in np.argwhere(~view.is_pixel):
            _box(axis, column, row, 1, 1, **HATCHED)
    picture = axis.imshow(shown, **scale)
    if max(values.shape) <= MOST_CELLS:
        texts = np.array(numbers(values, 3)).reshape(values.shape)
        size = min(9.0, 200 / values.shape[1] / max(map(len, texts.ravel())))
        for place in np.ndindex(values.shape):
            if view is None or not view.is_beyond[place]:
                colour = picture.cmap(picture.norm(shown[place]))
                _number(axis, place, texts[place], colour, size)
    if winner is not None:
        _outline(axis, winner[1], winner[0], 1, 1, WINNER)


def _number(axis: Any, place: tuple[int, ...], text: str, cell: Any, size: float) -> None:
    """A number in its cell, dark on light or light on dark, free of the hatching behind it."""
    red, green, blue, opaque = cell
    is_dark = opaque and 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
    paper = {"facecolor": cell if opaque else "white", "edgecolor": "none", "pad": 1}
    colour = "white" if is_dark else "black"
    row, column = place
    axis.text(
        column, row, text, ha="center", va="center", size=size, color=colour, bbox=paper, zorder=3
    )


def _outline(axis: Any, column: int, row: int, width: int, height: int, colour: str) -> None:
    _box(axis, column, row, width, height, fill=False, edgecolor=colour, linewidth=2.5, zorder=4)


def _box(axis: Any, column: int, row: int, width: int, height: int, **style: Any) -> None:
    """A rectangle around so many pixels from this one on."""
    axis.add_patch(Rectangle((column - 0.5, row - 0.5), width, height, **style))


def _bare(axis: Any, title: str) -> None:
    axis.set(xticks=[], yticks=[], title=title)
    axis.spines[:].set_visible(False)

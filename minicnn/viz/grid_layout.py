"""Layouts of small pictures: a grid with captions, rows with labels, a mosaic without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .arrays import Numbers
from .picture import Picture, canvas, text_width

Scale = dict[str, Any]  # options of imshow: cmap, vmin, vmax

# Inches.
WIDTH = 9.0  # of the whole picture, unless captions need more
LARGEST = 1.4  # width of one picture in a single row
LARGE = 0.9  # in several rows
GAP = 0.06  # between two pictures
LINE = 0.14  # height of a line of text
TITLE_HEIGHT = 0.26  # height of the title
BAR = 0.75  # width of the colour bar with its numbers
SMALLEST = 0.1  # width of one picture, regardless of the number of columns
TALLEST = 12.0  # height of a mosaic

LONGEST = 8.0  # ratio of the sides; a longer image is drawn with this one

SMALL, MIDDLE = 7.5, 10  # points


class Row(NamedTuple):
    """Pictures on one scale, and the label on their left."""

    label: str
    pixels: Sequence[Numbers]
    scale: Scale


def draw_grid(
    pixels: Sequence[Numbers],
    captions: Sequence[str],
    scale: Scale,
    columns: int | None = None,
    title: str | None = None,
    bar: bool = False,
) -> Picture:
    """Pictures in rows, optionally with a caption under each, and optionally a colour bar."""
    widest = max((text_width(caption, SMALL) for caption in captions), default=0.0)
    most = 20 if len(pixels) > 50 and not captions else 10
    most = max(1, min(most, int(WIDTH / (widest + GAP))))
    columns = min(columns, len(pixels)) if columns else _count_columns(len(pixels), most)
    rows = -(-len(pixels) // columns)
    largest = LARGEST if rows == 1 else LARGE
    cell = max(widest, min(largest, (WIDTH - BAR * bar) / columns - GAP), SMALLEST)
    wide = min(cell, LARGEST)
    high = max((_image_height(p, wide) for p in pixels), default=0.0)
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    step = high + lines * LINE + GAP
    width, height = columns * (cell + GAP), rows * step
    picture, axes = _make_sheet(width + BAR * bar, height, title)
    for i, array in enumerate(pixels):
        middle, top = (i % columns + 0.5) * (cell + GAP), rows * step - i // columns * step
        _draw_image(axes, array, middle - wide / 2, top, wide, scale)
        if captions:
            _write(axes, middle, top - high - 0.02, captions[i], ha="center", va="top")
    if bar:
        _draw_colour_bar(picture, scale, width, rows * step)
    return picture


def _count_columns(count: int, most: int) -> int:
    """The fewest columns that need no more rows than the maximum would."""
    rows = -(-count // most) or 1
    return -(-count // rows) or 1


def draw_rows(rows: Sequence[Row]) -> Picture:
    """Rows of pictures of equal width, each with its label on the left."""
    before = max(text_width(row.label, SMALL) for row in rows) + 0.15
    wide = min(LARGE, (WIDTH - before) / max(8, *(len(r.pixels) for r in rows)) - GAP)
    heights = [max(_image_height(row.pixels[0], wide), 3.2 * LINE) + GAP for row in rows]
    columns = max(len(row.pixels) for row in rows)
    picture, axes = _make_sheet(before + columns * (wide + GAP), sum(heights), None)
    top = sum(heights)
    for row, height in zip(rows, heights, strict=True):
        middle = top - height / 2
        _write(axes, before - 0.08, middle, row.label, ha="right", va="center")
        for i, array in enumerate(row.pixels):
            upper = middle + _image_height(array, wide) / 2
            _draw_image(axes, array, before + i * (wide + GAP), upper, wide, row.scale)
        top -= height
    return picture


def draw_mosaic(table: Numbers, scale: Scale, title: str | None, across: str, down: str) -> Picture:
    """Pictures (rows, columns, H, W) separated only by lines; names of both axes."""
    rows, columns, high, wide = table.shape
    tall = rows * high / (columns * wide)  # height to width
    width = min(WIDTH - BAR - 2 * LINE, columns * LARGE, TALLEST / tall)
    height = width * tall
    picture, axes = _make_sheet(width + BAR + 2 * LINE, height + 2 * LINE, title)
    left, low = 2 * LINE, 2 * LINE
    mosaic = table.transpose(0, 2, 1, 3).reshape(rows * high, columns * wide)
    axes.imshow(mosaic, extent=(left, left + width, low, low + height), aspect="auto", **scale)
    line = 0.12 * 72 * width / columns  # points, an eighth of a picture
    across_at = [left + width * i / columns for i in range(1, columns)]
    down_at = [low + height * i / rows for i in range(1, rows)]
    axes.vlines(across_at, low, low + height, color="white", linewidth=line)
    axes.hlines(down_at, left, left + width, color="white", linewidth=line)
    _write(axes, left + width / 2, low - 0.04, across, ha="center", va="top")
    _write(axes, left - 0.04, low + height / 2, down, ha="right", va="center", rotation=90)
    _draw_colour_bar(picture, scale, left + width + GAP, low + height, low)
    return picture


def _make_sheet(width: float, height: float, title: str | None) -> tuple[Picture, Axes]:
    """A canvas of this size, and above it the title."""
    whole = height + (TITLE_HEIGHT if title else GAP)
    width = max(width, text_width(title, MIDDLE) + 2 * GAP if title else 0.0)
    picture, axes = canvas(width, whole)
    axes.set_autoscale_on(False)
    if title:
        _write(axes, GAP / 2, whole - 0.04, title, fontsize=MIDDLE, va="top")
    return picture, axes


def _draw_image(
    axes: Axes, pixels: Numbers, left: float, top: float, width: float, scale: Scale
) -> None:
    low = top - _image_height(pixels, width)
    axes.imshow(pixels, extent=(left, left + width, low, top), aspect="auto", **scale)


def _image_height(pixels: Numbers, width: float) -> float:
    return width * min(max(pixels.shape[0] / pixels.shape[1], 1 / LONGEST), LONGEST)


def _write(axes: Axes, x: float, y: float, text: str, **options: Any) -> None:
    axes.text(x, y, text, **{"fontsize": SMALL, "linespacing": 1.1, **options})


def _draw_colour_bar(
    picture: Picture, scale: Scale, left: float, top: float, low: float = GAP
) -> None:
    width, height = picture.get_size_inches()
    box = (left / width, low / height, 0.12 / width, (top - low) / height)
    axes = picture.add_axes(box)
    colours = Normalize(scale["vmin"], scale["vmax"])
    picture.colorbar(ScalarMappable(colours, scale["cmap"]), cax=axes)
    axes.tick_params(labelsize=SMALL)

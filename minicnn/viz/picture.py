"""The paper under every picture: the figure, its axes or its inches, colours and scales."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

# Okabe and Ito, "Color Universal Design" (2008): told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
}


class Picture(Figure):
    """A matplotlib figure that a notebook shows by itself, and ``savefig(path)`` writes.

    It is not known to pyplot: nothing stays open, and no window or backend is needed.
    """

    def show(self, warn: bool = True) -> None:
        """Raise RuntimeError: there is no window; a notebook shows it, ``savefig`` writes it."""
        raise RuntimeError("show: a Picture has no window; write it with savefig('picture.png')")

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def subplots(
    rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None, **options: Any
) -> tuple[Picture, Any]:
    """A ``Picture`` and its axes, as ``pyplot.subplots`` has them, in the style of this package.

    size: width and height in inches of 100 pixels; by default each axes is about 4 by 3 and the
    whole at most 9 wide. options: those of ``Figure.subplots`` (sharex, width_ratios, squeeze).
    """
    width = min(9.0, 4.2 * columns)
    with rc_context(STYLE):
        picture = Picture(size or (width, width / columns * 0.72 * rows), 100, layout="constrained")
        FigureCanvasAgg(picture)
        return picture, picture.subplots(rows, columns, **options)


def canvas(width: float, height: float) -> tuple[Picture, Any]:
    """A ``Picture`` of that many inches, and axes over all of it, whose (x, y) are inches."""
    with rc_context(STYLE):
        picture = Picture((width, height), 100)
        FigureCanvasAgg(picture)
        axes = picture.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return picture, axes


@lru_cache(maxsize=4096)
def text_width(text: str, points: float, weight: str = "normal") -> float:
    """The width in inches of the widest line of a text in matplotlib's own font."""
    font = FontProperties(weight=weight)
    lines = [line for line in text.splitlines() if line.strip()]
    return max((_line_width(line, points, font) for line in lines), default=0.0)


def _line_width(line: str, points: float, font: FontProperties) -> float:
    width: float = TextPath((0, 0), line, size=points, prop=font).get_extents().width
    return width / 72


def colour_scale(*values: Any) -> dict[str, Any]:
    """One scale for all these arrays: ``imshow(x, **colour_scale(x, y))``.

    Zero is white where there are both signs (blue below, red above, equally far on both sides);
    numbers of 0 and more go from black to white.
    """
    low, high = _range(values)
    if low < 0:
        return centred_scale(*values)
    return {"cmap": "gray", "vmin": 0.0, "vmax": high or 1.0}


def centred_scale(*values: Any) -> dict[str, Any]:
    """Zero is white, blue below and red above, even where all numbers have one sign."""
    low, high = _range(values)
    largest = max(-low, high) or 1.0
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def _range(values: tuple[Any, ...]) -> tuple[float, float]:
    """The smallest and the largest of the finite numbers in all these arrays."""
    finite = [array[np.isfinite(array)] for array in map(np.asarray, values)]
    lows = [float(array.min()) for array in finite if array.size]
    highs = [float(array.max()) for array in finite if array.size]
    return min(lows, default=0.0), max(highs, default=1.0)

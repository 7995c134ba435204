"""What every picture is built on: the figure, its axes or canvas, colours and colour scales."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextPath

from ..checks import check_integer
from ..io import check_path, write_whole
from ..text_table import printable
from .arrays import TensorLike

# Okabe and Ito, "Color Universal Design" (2008): distinguishable with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
}

AS_THEY_ARE: Any = {"text.parse_math": False}
"""Otherwise a class called $x would be read as a formula, and might be none."""


class Picture(Figure):
    """A matplotlib figure that a notebook displays, and that ``savefig(path)`` writes.

    pyplot does not know about it: nothing stays open, and no window or backend is needed.

    >>> picture = mc.viz.filters(mc.nn.Conv2d(1, 6, 5), title="six filters")
    >>> picture.savefig("filters.png")
    >>> picture.get_size_inches()
    array([9. , ...])
    """

    def show(self, warn: bool = True) -> None:
        """Raise RuntimeError: a Picture has no window; use a notebook or ``savefig``."""
        raise RuntimeError("show: a Picture has no window; write it with savefig('picture.png')")

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the picture to a path or an open file; options are those of matplotlib.

        The end of the path names the format: .png, .svg, .pdf, or another one of matplotlib's;
        .png is added to a path without one. An existing file is replaced only by a complete one.
        Raises OSError, naming the path, if it cannot be written, ValueError for another format,
        TypeError or ValueError for an invalid path.
        """
        if hasattr(fname, "write"):
            super().savefig(fname, **options)
            return
        check_path("savefig", fname)
        path = os.fspath(fname)
        suffix = os.path.splitext(path)[1]
        form = options.pop("format", None) or suffix[1:].lower() or rcParams["savefig.format"]
        if form not in (kinds := self.canvas.get_supported_filetypes()):
            raise ValueError(
                f"savefig: {path}: got the format {form!r}, expected one of "
                f"{', '.join(sorted(kinds))}"
            )
        if not suffix and not os.path.isdir(path):
            path += f".{form}"
        write_whole("savefig", path, self._encode(form, **options))

    def draw(self, renderer: Any) -> None:
        """Draw the picture; names stand in it as they are, control characters escaped."""
        with rc_context(AS_THEY_ARE):  # for texts that matplotlib makes now
            for text in self.findobj(Text):
                text.set_parse_math(False)
                text.set_text(printable(text.get_text(), but="\n"))
            super().draw(renderer)

    def _encode(self, form: str, **options: Any) -> bytes:
        file = io.BytesIO()
        super().savefig(file, format=form, **options)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self._encode("png")


def subplots(
    rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None, **options: Any
) -> tuple[Picture, Any]:
    """A ``Picture`` and its axes, like ``pyplot.subplots``, in the style of this package.

    size: width and height in inches of 100 pixels; by default each axes is about 4 by 3, and the
    picture at most 9 wide. options: those of ``Figure.subplots`` (sharex, width_ratios, squeeze).

    >>> picture, (left, right) = mc.viz.subplots(1, 2, sharey=True)
    >>> lines = left.plot([1, 2, 4])
    >>> picture.savefig("curve.png")
    """
    rows = check_integer("subplots: rows", rows, least=1)
    columns = check_integer("subplots: columns", columns, least=1)
    width = min(9.0, 4.2 * columns)
    with rc_context(STYLE):
        picture = Picture(size or (width, width / columns * 0.72 * rows), 100, layout="constrained")
        FigureCanvasAgg(picture)
        return picture, picture.subplots(rows, columns, **options)


def canvas(width: float, height: float) -> tuple[Picture, Axes]:
    """A ``Picture`` of this size in inches, and axes that cover it, whose (x, y) are inches."""
    with rc_context(STYLE):
        picture = Picture((width, height), 100)
        FigureCanvasAgg(picture)
        axes = picture.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return picture, axes


@lru_cache(maxsize=4096)
def text_width(text: str, points: float, weight: str = "normal") -> float:
    """The width in inches of the widest line of a text in matplotlib's default font."""
    font = FontProperties(weight=weight)
    lines = [line for line in text.splitlines() if line.strip()]
    return max((_line_width(line, points, font) for line in lines), default=0.0)


def _line_width(line: str, points: float, font: FontProperties) -> float:
    with rc_context(AS_THEY_ARE):
        width: float = TextPath((0, 0), printable(line), size=points, prop=font).get_extents().width
    return width / 72


def colour_scale(*values: TensorLike) -> dict[str, Any]:
    """Options of ``imshow`` that draw all these arrays on one scale.

    If there are numbers below 0, zero is white, blue is below and red above it, with equal limits
    on both sides; otherwise the scale goes from black (0) to white.

    >>> mc.viz.colour_scale([0.0, 2.0], [5.0])
    {'cmap': 'gray', 'vmin': 0.0, 'vmax': 5.0}
    >>> mc.viz.colour_scale([-3.0, 2.0])
    {'cmap': 'RdBu_r', 'vmin': -3.0, 'vmax': 3.0}
    """
    low, high = _find_range(values)
    if low < 0:
        return centred_scale(*values)
    return {"cmap": "gray", "vmin": 0.0, "vmax": high or 1.0}


def centred_scale(*values: TensorLike) -> dict[str, Any]:
    """A scale with zero white, blue below and red above, even if all numbers have one sign."""
    low, high = _find_range(values)
    largest = max(-low, high) or 1.0
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def _find_range(values: tuple[TensorLike, ...]) -> tuple[float, float]:
    """The smallest and the largest of the finite numbers in all these arrays."""
    finite = [array[np.isfinite(array)] for array in map(np.asarray, values)]
    lows = [float(array.min()) for array in finite if array.size]
    highs = [float(array.max()) for array in finite if array.size]
    return min(lows, default=0.0), max(highs, default=1.0)

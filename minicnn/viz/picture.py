"""The paper under every picture: its figure, colours and scales."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["COLOURS", "Picture", "colour_scale", "subplots"]

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
        figure = Picture(size or (width, width / columns * 0.72 * rows), 100, layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, **options)


def colour_scale(*values: Any) -> dict[str, Any]:
    """One scale for all these arrays: ``imshow(x, **colour_scale(x, y))``.

    Zero is white where there are both signs (blue below, red above, equally far on both sides);
    numbers of 0 and more go from black to white.
    """
    finite = [array[np.isfinite(array)] for array in map(np.asarray, values)]
    low = min((float(array.min()) for array in finite if array.size), default=0.0)
    high = max((float(array.max()) for array in finite if array.size), default=1.0)
    if low >= 0:
        return {"cmap": "gray", "vmin": 0.0, "vmax": high or 1.0}
    largest = max(-low, high)
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}

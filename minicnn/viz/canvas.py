"""A sheet measured in inches, for drawings made of boxes and text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from .picture import STYLE, Picture

__all__ = ["canvas", "text_width"]


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

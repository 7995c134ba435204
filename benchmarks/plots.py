"""The style of the plots and where they are saved; each benchmark draws its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .contest import stem

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "plot"]

# Colours that colour-blind readers can tell apart too (Okabe and Ito, 2008).
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 9,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def plot(
    call: str, directory: Path | None, size: tuple[float, float], draw: Callable[[Any], None]
) -> None:
    """Save what draw(figure) draws next to the table that ``save`` writes for the same call.

    size is in inches; a README is eight inches wide. Without matplotlib a message is printed
    instead; without a directory nothing happens.
    """
    if directory is None:
        return
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install '.[bench]')")
        return
    with matplotlib.rc_context(STYLE):
        figure = Figure(size, dpi=200, layout="constrained")
        draw(figure)
        figure.savefig(directory / f"{stem(call)}.png")

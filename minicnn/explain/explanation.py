"""What every explanation has: the question, a text for the terminal, a picture for the notebook."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..nn import Module
from .text import number, places, sources_note
from .view import View

if TYPE_CHECKING:
    from ..viz import Picture


class Asked(NamedTuple):
    """Which output number of which layer is to be explained."""

    layer: Any
    image: NDArray[Any]
    """The input of this image alone, (C, H, W), in float64."""
    place: tuple[int, int, int, int]
    """n, channel, i, j."""
    output_shape: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation(ABC):
    """How one output number of a layer came about; ``print`` it, or end a notebook's cell with it.

    layer, place (n, channel, i, j) and output_shape are what was asked for; image (C, H, W) is the
    input at n, ``result`` the number, computed here in float64 from the parts that are shown.
    """

    layer: Module
    image: NDArray[Any]
    place: tuple[int, int, int, int]
    output_shape: tuple[int, ...]

    @property
    @abstractmethod
    def result(self) -> float:
        """The output number."""

    @abstractmethod
    def lines(self) -> list[str]:
        """The arithmetic, line by line."""

    @abstractmethod
    def picture(self) -> Picture:
        """The same as a picture; needs matplotlib. Raises ImportError without it."""

    @property
    def name(self) -> str:
        """The output number as one would index it."""
        return f"y[{', '.join(map(str, self.place[: len(self.output_shape)]))}]"

    def __repr__(self) -> str:
        head = f"{self.name} = {number(self.result)}   (y has shape {self.output_shape})"
        return "\n".join([repr(self.layer), head, *self.lines()])

    def _repr_html_(self) -> str:
        text = f"<pre>{escape(repr(self))}</pre>"
        try:
            png = base64.b64encode(self.picture()._repr_png_()).decode()
        except ImportError:  # without matplotlib the text alone
            return text
        return f'{text}<img alt="{escape(self.name)}" src="data:image/png;base64,{png}">'


def as_float64(values: Any, index: Any) -> NDArray[Any]:
    """Part of a Tensor as a NumPy array of float64; nothing else is brought from a GPU."""
    return values.detach()[index].numpy().astype(np.float64)


def window_lines(image: NDArray[Any], view: View) -> list[str]:
    """Where the window lies in the image, and what its padding holds."""
    rows, columns = view.rows, view.columns
    height, width = image.shape[1:]
    lines = [
        f"window: rows {places(rows.positions)}, columns {places(columns.positions)} "
        f"of the {height}x{width} input"
    ]
    if view.is_padding.any():
        copied = dict.fromkeys(sources_note(rows, "row") + sources_note(columns, "column"))
        lines.append("( ) padding: " + (", ".join(copied) or number(view.fill)))
    if view.is_beyond.any():
        lines.append(" .  past the padded image (ceil_mode): not counted")
    return lines
